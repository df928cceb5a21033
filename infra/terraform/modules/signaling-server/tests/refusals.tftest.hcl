# What is refused before anything is made.

mock_provider "aws" {
  source = "../../mocks/aws"
}

variables {
  environment         = "test"
  docker_image        = "ghcr.io/example/heliograph:0.1.0"
  vpc_id              = "vpc-0123456789abcdef0"
  subnet_ids          = ["subnet-a"]
  allowed_cidr_blocks = []
  create_user_pool    = true
}

run "values_that_make_no_sense" {
  command = plan

  variables {
    name                  = "Heliograph"
    environment           = "a-very-long-name"
    docker_image          = "heliograph"
    server_settings       = { HELIOGRAPH_TURN_SECRET = "in the open" }
    turn_secret_parameter = "turn"
    signing_key_parameter = "key"
    allowed_cidr_blocks   = ["203.0.113.0"]
    admin_cidr_blocks     = ["0.0.0.0/0"]
    http_port             = 80
    websocket_port        = 70000
    tls                   = "maybe"
    root_volume_size      = 1
  }

  expect_failures = [
    var.name, var.environment, var.docker_image, var.server_settings, var.turn_secret_parameter, var.signing_key_parameter, var.allowed_cidr_blocks,
    var.admin_cidr_blocks, var.http_port, var.websocket_port, var.tls, var.root_volume_size,
  ]
}

run "a_pool_that_is_not_named" {
  command = plan

  variables {
    create_user_pool = false
  }

  expect_failures = [var.cognito_user_pool_id, var.cognito_app_client_id]
}

run "a_load_balancer_without_what_it_needs" {
  command = plan

  variables {
    tls = "load_balancer"
  }

  expect_failures = [var.subnet_ids, var.domain_name, var.certificate_arn]
}

run "settings_that_are_none" {
  command = plan

  variables {
    server_settings = { PATH = "/tmp" }
  }

  expect_failures = [var.server_settings]
}
