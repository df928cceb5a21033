# TLS, and who gets through.

mock_provider "aws" {
  source = "../../mocks/aws"
}

variables {
  name                     = "heliograph-test"
  vpc_id                   = "vpc-0123456789abcdef0"
  subnet_ids               = ["subnet-a", "subnet-b"]
  allowed_cidr_blocks      = ["203.0.113.0/24"]
  certificate_arn          = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
  target_security_group_id = "sg-0123456789abcdef0"
  target_port              = 8001
  deregistration_delay     = 10
  deletion_protection      = true
}

run "the_load_balancer" {
  assert {
    condition     = aws_vpc_security_group_ingress_rule.target.from_port == 8001 && aws_vpc_security_group_egress_rule.load_balancer.from_port == 8001
    error_message = "It reaches the servers, on their port"
  }

  assert {
    condition     = toset(keys(aws_vpc_security_group_ingress_rule.load_balancer)) == toset(["443 from 203.0.113.0/24", "80 from 203.0.113.0/24"])
    error_message = "Those who are allowed reach the load balancer"
  }

  assert {
    condition     = aws_lb.this.enable_deletion_protection && aws_lb.this.drop_invalid_header_fields && aws_lb.this.idle_timeout > 45
    error_message = "Protected, strict, and more patient than the server's pings"
  }

  assert {
    condition     = aws_lb_listener.https.protocol == "HTTPS" && aws_lb_listener.https.default_action[0].type == "forward" && aws_lb_listener.http.default_action[0].type == "redirect"
    error_message = "443 goes to the server, 80 is sent to 443"
  }

  assert {
    condition     = one(aws_lb_target_group.this.health_check).path == "/ready"
    error_message = "A server that is not ready gets no traffic"
  }

  assert {
    condition     = one(aws_lb_listener_rule.metrics.condition).path_pattern[0].values == toset(["/metrics"])
    error_message = "The metrics are not for everyone"
  }
}

run "one_zone_is_not_enough" {
  command = plan

  variables {
    subnet_ids = ["subnet-a"]
  }

  expect_failures = [var.subnet_ids]
}

run "nobody_unless_named" {
  variables {
    allowed_cidr_blocks = []
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.load_balancer) == 0
    error_message = "An empty list opens nothing"
  }
}
