# A cluster of two nodes in a network that exists, with a user pool of its own.

provider "aws" {
  region = "eu-central-1"
}

module "signaling_cluster" {
  source = "../.."

  environment           = "example"
  docker_image          = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/heliograph:0.1.0"
  signing_key_parameter = "/heliograph/signing-key"
  bus_auth_parameter    = "/heliograph/bus-password"
  create_user_pool      = true

  vpc_id              = "vpc-0123456789abcdef0"
  subnet_ids          = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  allowed_cidr_blocks = ["203.0.113.0/24"]
  domain_name         = "signal.example.org"
  certificate_arn     = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
}

output "websocket_url" {
  value = module.signaling_cluster.websocket_url
}
