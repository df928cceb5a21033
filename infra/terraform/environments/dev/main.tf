# One instance in the default network, without TLS: to try things out, not for users. Everything can be deleted.

provider "aws" {
  region = var.aws_region

  default_tags {
    tags = { Project = "heliograph", ManagedBy = "terraform" }
  }
}

module "network" {
  source = "../../modules/default-network"

  instance_type = var.instance_type
}

module "signaling_server" {
  source = "../../modules/signaling-server"

  environment     = "dev"
  docker_image    = var.docker_image
  server_settings = var.server_settings

  create_user_pool      = var.cognito_user_pool_id == null
  cognito_region        = var.cognito_region
  cognito_user_pool_id  = var.cognito_user_pool_id
  cognito_app_client_id = var.cognito_app_client_id

  vpc_id              = module.network.vpc_id
  subnet_ids          = module.network.subnet_ids
  allowed_cidr_blocks = var.allowed_cidr_blocks
  admin_cidr_blocks   = var.admin_cidr_blocks
  http_port           = var.http_port
  websocket_port      = var.websocket_port

  instance_type          = var.instance_type
  key_name               = var.key_name
  enable_session_manager = true

  log_retention_days = 7
  enable_alarms      = var.enable_alarms
}
