# TLS in front of the server: by Caddy on the instance, or by a load balancer.

mock_provider "aws" {
  source = "../../mocks/aws"
}

variables {
  environment         = "test"
  docker_image        = "ghcr.io/example/heliograph:0.1.0"
  vpc_id              = "vpc-0123456789abcdef0"
  subnet_ids          = ["subnet-a", "subnet-b"]
  allowed_cidr_blocks = ["203.0.113.0/24"]
  create_user_pool    = true
  domain_name         = "signal.example.org"
}

run "caddy" {
  variables {
    tls              = "caddy"
    acme_cidr_blocks = ["0.0.0.0/0"]
    acme_email       = "ops@example.org"
    zone_id          = "Z0123456789"
  }

  assert {
    condition = toset(keys(aws_vpc_security_group_ingress_rule.instance)) == toset([
      "443 from 203.0.113.0/24", "80 from 203.0.113.0/24", "80 from 0.0.0.0/0",
    ])
    error_message = "Users on 443, the certificate authority on 80, nobody on the server's own ports"
  }

  assert {
    condition     = output.server_environment.HELIOGRAPH_HOST == "127.0.0.1" && output.server_environment.HELIOGRAPH_TRUSTED_PROXIES == "127.0.0.1/32"
    error_message = "The server listens to Caddy alone, and believes it"
  }

  assert {
    condition     = output.websocket_url == "wss://signal.example.org" && output.https_url == "https://signal.example.org" && output.http_url == output.https_url
    error_message = "Encrypted URLs"
  }

  assert {
    condition     = yamldecode(aws_instance.this.user_data).runcmd == [["/usr/local/bin/heliograph-install", "heliograph", "heliograph-health", "heliograph-caddy"]]
    error_message = "Caddy is started too"
  }

  assert {
    condition     = one(aws_route53_record.this).records == toset(["198.51.100.7"]) && output.dns_target == "198.51.100.7"
    error_message = "The name points to the Elastic IP"
  }

  assert {
    condition     = length(module.load_balancer) == 0
    error_message = "No load balancer"
  }
}

run "caddy_that_no_authority_can_reach" {
  command = plan

  variables {
    tls = "caddy"
  }

  expect_failures = [check.certificate_authority_can_reach_caddy]
}

run "load_balancer" {
  variables {
    tls                 = "load_balancer"
    certificate_arn     = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    zone_id             = "Z0123456789"
    deletion_protection = true
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.instance) == 0 && one(aws_lb_target_group_attachment.this).port == 8001
    error_message = "Only the load balancer reaches the instance"
  }

  assert {
    condition     = output.server_environment.HELIOGRAPH_HOST == "0.0.0.0" && output.server_environment.HELIOGRAPH_TRUSTED_PROXIES == "10.7.0.0/16"
    error_message = "The server believes what comes from its own network"
  }

  assert {
    condition     = output.dns_target == "heliograph-test-1.eu-central-1.elb.amazonaws.com" && output.websocket_url == "wss://signal.example.org"
    error_message = "The name points to the load balancer"
  }
}
