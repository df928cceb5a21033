# One instance behind TLS, or a cluster. What cannot be made again, the table and the user pool, stands beside either and is
# protected from deletion.

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

module "data" {
  source = "../../modules/signaling-data"

  name                   = "heliograph-production"
  tags                   = { Environment = "production" }
  create_user_pool       = var.cognito_user_pool_id == null
  cognito_region         = var.cognito_region
  cognito_user_pool_id   = var.cognito_user_pool_id
  cognito_app_client_id  = var.cognito_app_client_id
  point_in_time_recovery = true
  deletion_protection    = var.deletion_protection
}

locals {
  server  = one(module.signaling_server)
  cluster = one(module.signaling_cluster)
  vpc_id  = var.vpc_id == null ? module.network[0].vpc_id : var.vpc_id
  subnets = var.vpc_id == null ? module.network[0].subnet_ids : var.subnet_ids
}

module "signaling_server" {
  source = "../../modules/signaling-server"
  count  = var.cluster == null ? 1 : 0

  environment           = "production"
  docker_image          = var.docker_image
  server_settings       = var.server_settings
  turn_secret_parameter = var.turn_secret_parameter
  signing_key_parameter = var.signing_key_parameter

  data = module.data.data

  vpc_id              = local.vpc_id
  subnet_ids          = local.subnets
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

  deletion_protection = var.deletion_protection
  log_retention_days  = 90
  enable_alarms       = true
  alarm_actions       = aws_sns_topic.alarms[*].arn
}

module "signaling_cluster" {
  source = "../../modules/signaling-cluster"
  count  = var.cluster == null ? 0 : 1

  environment           = "production"
  docker_image          = var.docker_image
  server_settings       = var.server_settings
  turn_secret_parameter = var.turn_secret_parameter
  signing_key_parameter = var.signing_key_parameter
  bus_auth_parameter    = var.cluster.bus_auth_parameter

  data = module.data.data

  vpc_id              = local.vpc_id
  subnet_ids          = local.subnets
  allowed_cidr_blocks = var.allowed_cidr_blocks
  admin_cidr_blocks   = var.admin_cidr_blocks
  http_port           = var.http_port
  websocket_port      = var.websocket_port

  domain_name     = var.domain_name
  certificate_arn = var.certificate_arn
  zone_id         = var.zone_id

  min_nodes                 = var.cluster.min_nodes
  max_nodes                 = var.cluster.max_nodes
  connections_per_node      = var.cluster.connections_per_node
  wait_for_capacity_timeout = var.cluster.wait_for_capacity_timeout
  bus_node_type             = var.cluster.bus_node_type

  instance_type          = var.instance_type
  key_name               = var.key_name
  enable_session_manager = var.enable_session_manager

  deletion_protection = var.deletion_protection
  log_retention_days  = 90
  enable_alarms       = true
  alarm_actions       = aws_sns_topic.alarms[*].arn
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
