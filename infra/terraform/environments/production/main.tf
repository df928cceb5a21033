# One instance behind TLS. What cannot be made again, the table and the user pool, is protected from deletion.

provider "aws" {
  region = var.aws_region

  default_tags {
    tags = { Project = "heliograph", ManagedBy = "terraform" }
  }
}

module "network" {
  source = "../../modules/default-network"
  count  = var.vpc_id == null ? 1 : 0

  instance_type = var.instance_type
}

module "signaling_server" {
  source = "../../modules/signaling-server"

  environment           = "production"
  docker_image          = var.docker_image
  server_settings       = var.server_settings
  turn_secret_parameter = var.turn_secret_parameter
  signing_key_parameter = var.signing_key_parameter

  create_user_pool      = var.cognito_user_pool_id == null
  cognito_region        = var.cognito_region
  cognito_user_pool_id  = var.cognito_user_pool_id
  cognito_app_client_id = var.cognito_app_client_id

  vpc_id              = var.vpc_id == null ? module.network[0].vpc_id : var.vpc_id
  subnet_ids          = var.vpc_id == null ? module.network[0].subnet_ids : var.subnet_ids
  allowed_cidr_blocks = var.allowed_cidr_blocks
  admin_cidr_blocks   = var.admin_cidr_blocks
  http_port           = var.http_port
  websocket_port      = var.websocket_port

  tls              = var.certificate_arn == null ? "caddy" : "load_balancer"
  domain_name      = var.domain_name
  certificate_arn  = var.certificate_arn
  zone_id          = var.zone_id
  acme_email       = var.acme_email
  acme_cidr_blocks = var.acme_cidr_blocks

  instance_type          = var.instance_type
  key_name               = var.key_name
  enable_session_manager = var.enable_session_manager

  point_in_time_recovery = true
  deletion_protection    = var.deletion_protection
  log_retention_days     = 90
  enable_alarms          = true
  alarm_actions          = aws_sns_topic.alarms[*].arn
}

resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:CloudWatch cannot publish to a topic under the key that AWS manages; the messages are names and thresholds
  count = var.alarm_email == null ? 0 : 1

  name = "heliograph-production-alarms"
}

resource "aws_sns_topic_subscription" "alarms" {
  count = var.alarm_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = var.alarm_email
}
