# TLS in front of the instance, if it is not on it.

module "load_balancer" {
  source = "../tls-load-balancer"
  count  = local.tls_in_front ? 1 : 0

  name                     = local.name
  tags                     = local.tags
  vpc_id                   = var.vpc_id
  subnet_ids               = var.subnet_ids
  allowed_cidr_blocks      = var.allowed_cidr_blocks
  certificate_arn          = var.certificate_arn
  target_security_group_id = aws_security_group.instance.id
  target_port              = var.http_port
  deregistration_delay     = 10 # a server that ends closes its connections itself, within 5
  deletion_protection      = var.deletion_protection
}

resource "aws_lb_target_group_attachment" "this" {
  count = local.tls_in_front ? 1 : 0

  target_group_arn = module.load_balancer[0].target_group_arn
  target_id        = aws_instance.this.id
  port             = var.http_port

  lifecycle {
    create_before_destroy = true
  }
}
