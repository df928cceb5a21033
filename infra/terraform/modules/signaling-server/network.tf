# Who may reach what.

locals {
  tls_on_instance = var.tls == "caddy"
  tls_in_front    = var.tls == "load_balancer"

  # With TLS there is one public port, because each port of the server serves everything.
  public_ports = var.tls == "none" ? toset([var.http_port, var.websocket_port]) : toset([443])

  # What strangers may open on the instance.
  public_rules = merge(
    { for pair in setproduct(local.public_ports, toset(var.allowed_cidr_blocks)) :
    "${pair[0]} from ${pair[1]}" => { port = pair[0], cidr = pair[1] } },
    { for cidr in(local.tls_on_instance ? setunion(var.allowed_cidr_blocks, var.acme_cidr_blocks) : []) :
    "80 from ${cidr}" => { port = 80, cidr = cidr } },
  )

  ssh_rules = var.key_name == null ? {} : { for cidr in toset(var.admin_cidr_blocks) :
  "22 from ${cidr}" => { port = 22, cidr = cidr } }

  instance_rules = merge(local.tls_in_front ? {} : local.public_rules, local.ssh_rules)
}

data "aws_vpc" "this" {
  id = var.vpc_id
}

resource "aws_security_group" "instance" {
  name_prefix = "${local.name}-instance-"
  description = "The signaling server"
  vpc_id      = var.vpc_id
  tags        = merge(local.tags, { Name = "${local.name}-instance" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "instance" {
  for_each = local.instance_rules

  security_group_id = aws_security_group.instance.id
  description       = "Port ${each.key}"
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = strcontains(each.value.cidr, ":") ? null : each.value.cidr
  cidr_ipv6         = strcontains(each.value.cidr, ":") ? each.value.cidr : null
  tags              = local.tags
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.instance.id
  description       = "AWS, the registry of the image, the packages of the system, the certificate authority"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
  tags              = local.tags
}

resource "aws_route53_record" "this" {
  count = var.zone_id == null ? 0 : 1

  zone_id = var.zone_id
  name    = var.domain_name
  type    = "A"
  ttl     = local.tls_in_front ? null : 60
  records = local.tls_in_front ? null : [aws_eip.this.public_ip]

  dynamic "alias" {
    for_each = module.load_balancer

    content {
      name                   = alias.value.dns_name
      zone_id                = alias.value.zone_id
      evaluate_target_health = false
    }
  }
}

# Caddy gets no certificate when the authority cannot reach port 80.
check "certificate_authority_can_reach_caddy" {
  assert {
    condition     = !local.tls_on_instance || contains(setunion(var.allowed_cidr_blocks, var.acme_cidr_blocks), "0.0.0.0/0")
    error_message = "Let's Encrypt checks the domain from addresses that it does not publish, and port 80 is not open to all: Caddy will get no certificate from it. Set acme_cidr_blocks to [\"0.0.0.0/0\"], or use a load balancer with a certificate from ACM."
  }
}
