# Several instances that act as one server, behind a load balancer, and the bus on which they meet.

data "aws_region" "current" {}

data "aws_partition" "current" {}

data "aws_vpc" "this" {
  id = var.vpc_id
}

data "aws_ec2_instance_type" "this" {
  instance_type = var.instance_type
}

data "aws_ssm_parameter" "ami" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${data.aws_ec2_instance_type.this.supported_architectures[0]}"
}

locals {
  name = "${var.name}-${var.environment}"
  tags = merge(var.tags, { Environment = var.environment })
  data = var.data == null ? one(module.data[*].data) : var.data
}

# The rooms and the users: our own, or those that stand beside.
module "data" {
  source = "../signaling-data"
  count  = var.data == null ? 1 : 0

  name                   = local.name
  tags                   = local.tags
  create_user_pool       = var.create_user_pool
  cognito_region         = var.cognito_region
  cognito_user_pool_id   = var.cognito_user_pool_id
  cognito_app_client_id  = var.cognito_app_client_id
  point_in_time_recovery = var.point_in_time_recovery
  deletion_protection    = var.deletion_protection
}

module "host" {
  source = "../signaling-host"

  name                   = local.name
  tags                   = local.tags
  docker_image           = var.docker_image
  server_settings        = var.server_settings
  data                   = local.data
  log_group              = { name = aws_cloudwatch_log_group.this.name, arn = aws_cloudwatch_log_group.this.arn }
  http_port              = var.http_port
  websocket_port         = var.websocket_port
  trusted_proxies        = data.aws_vpc.this.cidr_block_associations[*].cidr_block
  turn_secret_parameter  = var.turn_secret_parameter
  signing_key_parameter  = var.signing_key_parameter
  bus                    = { address = "${aws_elasticache_replication_group.this.primary_endpoint_address}:${local.bus_port}", auth_parameter = var.bus_auth_parameter }
  metric_namespace       = local.metric_namespace
  stop_timeout           = var.drain_timeout + 10
  enable_session_manager = var.enable_session_manager
}

module "load_balancer" {
  source = "../tls-load-balancer"

  name                     = local.name
  tags                     = local.tags
  vpc_id                   = var.vpc_id
  subnet_ids               = var.subnet_ids
  allowed_cidr_blocks      = var.allowed_cidr_blocks
  certificate_arn          = var.certificate_arn
  target_security_group_id = aws_security_group.instance.id
  target_port              = var.http_port
  deregistration_delay     = var.drain_timeout + 20 # a node looks every ten seconds whether it is to go
  deletion_protection      = var.deletion_protection
}

resource "aws_route53_record" "this" {
  count = var.zone_id == null ? 0 : 1

  zone_id = var.zone_id
  name    = var.domain_name
  type    = "A"

  alias {
    name                   = module.load_balancer.dns_name
    zone_id                = module.load_balancer.zone_id
    evaluate_target_health = false
  }
}
