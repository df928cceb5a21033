# With two values given, an environment that can be used and thrown away.

mock_provider "aws" {
  source = "../../mocks/aws"
}

variables {
  docker_image        = "ghcr.io/example/heliograph:0.1.0"
  allowed_cidr_blocks = ["203.0.113.0/24"]
}

run "a_pool_of_its_own_and_nothing_protected" {
  assert {
    condition     = output.cognito_user_pool_id == "eu-central-1_madeByUs" && output.table_name == "heliograph-dev-rooms"
    error_message = "The pool and the table are made"
  }

  assert {
    condition     = output.http_url == "http://198.51.100.7:8001" && output.websocket_url == "ws://198.51.100.7:8080"
    error_message = "Both ports can be reached"
  }
}

run "a_pool_that_exists" {
  variables {
    cognito_user_pool_id  = "us-west-1_theirs"
    cognito_app_client_id = "theirclient"
    http_port             = 9001
  }

  assert {
    condition     = output.cognito_user_pool_id == "us-west-1_theirs" && output.server_environment.HELIOGRAPH_HTTP_PORT == "9001"
    error_message = "The original's variables do what they did"
  }
}

run "half_a_pool" {
  command = plan

  variables {
    cognito_app_client_id = "theirclient"
  }

  expect_failures = [var.cognito_app_client_id]
}
