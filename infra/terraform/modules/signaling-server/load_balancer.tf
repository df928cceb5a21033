# TLS in front of the instance, with a certificate from ACM.

resource "aws_security_group" "load_balancer" {
  count = local.tls_in_front ? 1 : 0

  name_prefix = "${local.name}-lb-"
  description = "The load balancer of the signaling server"
  vpc_id      = var.vpc_id
  tags        = merge(local.tags, { Name = "${local.name}-lb" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  for_each = local.tls_in_front ? local.public_rules : {}

  security_group_id = aws_security_group.load_balancer[0].id
  description       = "Port ${each.key}"
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = strcontains(each.value.cidr, ":") ? null : each.value.cidr
  cidr_ipv6         = strcontains(each.value.cidr, ":") ? each.value.cidr : null
  tags              = local.tags
}

resource "aws_vpc_security_group_egress_rule" "load_balancer" {
  count = local.tls_in_front ? 1 : 0

  security_group_id            = aws_security_group.load_balancer[0].id
  description                  = "The server, and nothing else"
  ip_protocol                  = "tcp"
  from_port                    = var.http_port
  to_port                      = var.http_port
  referenced_security_group_id = aws_security_group.instance.id
  tags                         = local.tags
}

resource "aws_lb" "this" {
  #checkov:skip=CKV_AWS_150:A variable, which production sets and dev does not
  #checkov:skip=CKV_AWS_91:An access log holds the addresses of all users, and needs a bucket with a policy: a choice of the operator
  #checkov:skip=CKV2_AWS_28:The server limits what a stranger may do by itself; a firewall for web applications costs more than all of the rest
  count = local.tls_in_front ? 1 : 0

  name                       = local.name
  load_balancer_type         = "application"
  security_groups            = [aws_security_group.load_balancer[0].id]
  subnets                    = var.subnet_ids
  enable_deletion_protection = var.deletion_protection
  drop_invalid_header_fields = true
  idle_timeout               = 120 # seconds; the server pings each connection every 20
  tags                       = local.tags
}

resource "aws_lb_target_group" "this" {
  #checkov:skip=CKV_AWS_378:From here to the instance the traffic stays in the VPC, between two security groups
  count = local.tls_in_front ? 1 : 0

  name                 = local.name
  port                 = var.http_port
  protocol             = "HTTP"
  vpc_id               = var.vpc_id
  deregistration_delay = 10 # seconds; a server that ends closes its connections itself, within 5
  tags                 = local.tags

  health_check {
    path                = "/ready"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_target_group_attachment" "this" {
  count = local.tls_in_front ? 1 : 0

  target_group_arn = aws_lb_target_group.this[0].arn
  target_id        = aws_instance.this.id
  port             = var.http_port

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener" "https" {
  count = local.tls_in_front ? 1 : 0

  load_balancer_arn = aws_lb.this[0].arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn
  tags              = local.tags

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[0].arn
  }
}

resource "aws_lb_listener_rule" "metrics" {
  count = local.tls_in_front ? 1 : 0

  listener_arn = aws_lb_listener.https[0].arn
  priority     = 1
  tags         = local.tags

  condition {
    path_pattern {
      values = ["/metrics"]
    }
  }

  action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      status_code  = "404"
    }
  }
}

resource "aws_lb_listener" "http" {
  count = local.tls_in_front ? 1 : 0

  load_balancer_arn = aws_lb.this[0].arn
  port              = 80
  protocol          = "HTTP"
  tags              = local.tags

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}
