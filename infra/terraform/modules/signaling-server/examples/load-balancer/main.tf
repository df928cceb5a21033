# TLS by a load balancer, with a certificate that is made and renewed by ACM; the domain's zone is in Route 53.

provider "aws" {
  region = "eu-central-1"
}

module "network" {
  source = "../../../default-network"

  instance_type = "t3.small"
}

data "aws_route53_zone" "this" {
  name = var.zone_name
}

resource "aws_acm_certificate" "this" {
  domain_name       = "signal.${var.zone_name}"
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "proof" {
  for_each = { for option in aws_acm_certificate.this.domain_validation_options : option.domain_name => option }

  zone_id         = data.aws_route53_zone.this.zone_id
  name            = each.value.resource_record_name
  type            = each.value.resource_record_type
  records         = [each.value.resource_record_value]
  ttl             = 60
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "this" {
  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}

module "signaling_server" {
  source = "../.."

  environment      = "production"
  docker_image     = var.docker_image
  create_user_pool = true

  vpc_id              = module.network.vpc_id
  subnet_ids          = module.network.subnet_ids
  allowed_cidr_blocks = ["0.0.0.0/0", "::/0"]

  tls             = "load_balancer"
  domain_name     = aws_acm_certificate.this.domain_name
  certificate_arn = aws_acm_certificate_validation.this.certificate_arn
  zone_id         = data.aws_route53_zone.this.zone_id

  deletion_protection = true
  server_settings     = { HELIOGRAPH_ALLOWED_ORIGINS = "https://app.${var.zone_name}" }
}

variable "zone_name" {
  description = "Name of a public zone in Route 53, such as example.org"
  type        = string
}

variable "docker_image" {
  description = "Image of the server, with a tag or a digest"
  type        = string
}

output "websocket_url" {
  description = "Where clients connect"
  value       = module.signaling_server.websocket_url
}
