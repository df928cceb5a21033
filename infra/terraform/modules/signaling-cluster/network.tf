# Who may reach what: users the load balancer, the load balancer the nodes, the nodes the bus.

locals {
  ssh_rules = var.key_name == null ? [] : var.admin_cidr_blocks
}

resource "aws_security_group" "instance" {
  name_prefix = "${local.name}-instance-"
  description = "A node of the signaling cluster"
  vpc_id      = var.vpc_id
  tags        = merge(local.tags, { Name = "${local.name}-instance" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  for_each = toset(local.ssh_rules)

  security_group_id = aws_security_group.instance.id
  description       = "SSH from ${each.value}"
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_ipv4         = strcontains(each.value, ":") ? null : each.value
  cidr_ipv6         = strcontains(each.value, ":") ? each.value : null
  tags              = local.tags
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.instance.id
  description       = "AWS, the registry of the image, the packages of the system"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
  tags              = local.tags
}

resource "aws_vpc_security_group_egress_rule" "bus" {
  security_group_id            = aws_security_group.instance.id
  description                  = "The bus"
  ip_protocol                  = "tcp"
  from_port                    = local.bus_port
  to_port                      = local.bus_port
  referenced_security_group_id = aws_security_group.bus.id
  tags                         = local.tags
}

resource "aws_security_group" "bus" {
  name_prefix = "${local.name}-bus-"
  description = "The bus of the signaling cluster"
  vpc_id      = var.vpc_id
  tags        = merge(local.tags, { Name = "${local.name}-bus" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "bus" {
  security_group_id            = aws_security_group.bus.id
  description                  = "The nodes, and nobody else"
  ip_protocol                  = "tcp"
  from_port                    = local.bus_port
  to_port                      = local.bus_port
  referenced_security_group_id = aws_security_group.instance.id
  tags                         = local.tags
}
