# The server on one instance, without TLS, with a user pool of its own.

provider "aws" {
  region = "eu-central-1"
}

module "network" {
  source = "../../../default-network"

  instance_type = "t4g.micro"
}

module "signaling_server" {
  source = "../.."

  environment      = "trial"
  docker_image     = var.docker_image # built for arm64, because of the instance type
  create_user_pool = true

  vpc_id              = module.network.vpc_id
  subnet_ids          = module.network.subnet_ids
  allowed_cidr_blocks = ["203.0.113.0/24"]

  instance_type = "t4g.micro"
}

variable "docker_image" {
  description = "Image of the server, with a tag or a digest"
  type        = string
}

output "websocket_url" {
  description = "Where clients connect"
  value       = module.signaling_server.websocket_url
}
