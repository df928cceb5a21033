# The least that the instance needs.

mock_provider "aws" {
  source = "../../mocks/aws"
}

variables {
  name             = "heliograph-test"
  docker_image     = "210987654321.dkr.ecr.us-east-1.amazonaws.com/team/heliograph:0.1.0"
  http_port        = 8001
  websocket_port   = 8080
  metric_namespace = "Heliograph"
  log_group = {
    name = "/heliograph/heliograph-test"
    arn  = "arn:aws:logs:eu-central-1:123456789012:log-group:/heliograph/heliograph-test"
  }
  data = {
    table_name     = "heliograph-test-rooms"
    table_arn      = "arn:aws:dynamodb:eu-central-1:123456789012:table/heliograph-test-rooms"
    owner_index    = "rooms-by-owner"
    cognito_region = "eu-central-1"
    user_pool_id   = "eu-central-1_madeByUs"
    user_pool_arn  = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_madeByUs"
    app_client_id  = "clientmadebyus"
  }
}

run "this_table_this_pool_these_logs" {
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => statement.Resource } == {
      Rooms          = ["arn:aws:dynamodb:eu-central-1:123456789012:table/heliograph-test-rooms"]
      RoomsOfAnOwner = ["arn:aws:dynamodb:eu-central-1:123456789012:table/heliograph-test-rooms/index/rooms-by-owner"]
      Users          = ["arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_madeByUs"]
      Log            = ["arn:aws:logs:eu-central-1:123456789012:log-group:/heliograph/heliograph-test:*"]
      RegistryLogin  = ["*"]
      Image          = ["arn:aws:ecr:us-east-1:210987654321:repository/team/heliograph"]
      Health         = ["*"]
    }
    error_message = "Every statement names what it is for, if AWS lets it"
  }

  assert {
    condition     = !anytrue([for action in flatten([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Action]) : strcontains(action, "*")])
    error_message = "Every action is named"
  }

  assert {
    condition = one([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Condition if statement.Sid == "Health"]) == {
      StringEquals = { "cloudwatch:namespace" = "Heliograph" }
    }
    error_message = "Metrics go into one namespace"
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Principal == { Service = ["ec2.amazonaws.com"] }
    error_message = "Only an instance takes the role"
  }
}

run "secrets_and_a_shell_when_asked_for" {
  variables {
    turn_secret_parameter  = "/heliograph/turn"
    signing_key_parameter  = "/heliograph/key"
    enable_session_manager = true
  }

  assert {
    condition = one([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement if statement.Sid == "Secrets"]) == {
      Sid    = "Secrets"
      Effect = "Allow"
      Action = ["ssm:GetParameter"]
      Resource = [
        "arn:aws:ssm:eu-central-1:123456789012:parameter/heliograph/turn",
        "arn:aws:ssm:eu-central-1:123456789012:parameter/heliograph/key",
      ]
    }
    error_message = "Those parameters and no others"
  }

  assert {
    condition     = strcontains(output.user_data, "parameter '/heliograph/turn'") && strcontains(output.user_data, "parameter '/heliograph/key'")
    error_message = "The instance reads the secrets; its user data has only their names"
  }

  assert {
    condition     = length([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement if statement.Sid == "SessionManager"]) == 1
    error_message = "Systems Manager is let in"
  }
}

run "a_node_of_a_cluster_knows_where_the_others_are" {
  variables {
    stop_timeout = 40
    bus          = { address = "bus.example.org:6379", auth_parameter = "/heliograph/valkey" }
  }

  assert {
    condition = one([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Resource if statement.Sid == "Secrets"]) == [
      "arn:aws:ssm:eu-central-1:123456789012:parameter/heliograph/valkey",
    ]
    error_message = "It may read the password of the bus"
  }

  assert {
    condition     = strcontains(output.user_data, "parameter '/heliograph/valkey'") && strcontains(output.user_data, "bus.example.org:6379")
    error_message = "It reads the password when the server starts; the user data has only its name"
  }

  assert {
    condition     = strcontains(output.user_data, "docker stop --time 40 heliograph")
    error_message = "It has the time to hand its peers over"
  }

  assert {
    condition     = !contains(keys(output.server_environment), "HELIOGRAPH_CLUSTER_URL")
    error_message = "The URL holds a password, and is in no output"
  }
}
