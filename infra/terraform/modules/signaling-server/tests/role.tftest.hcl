# The least that the instance needs.

mock_provider "aws" {
  source = "../../mocks/aws"
}

variables {
  environment         = "test"
  docker_image        = "210987654321.dkr.ecr.us-east-1.amazonaws.com/team/heliograph:0.1.0"
  vpc_id              = "vpc-0123456789abcdef0"
  subnet_ids          = ["subnet-a"]
  allowed_cidr_blocks = []
  create_user_pool    = true
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
    condition     = strcontains(aws_instance.this.user_data, "parameter '/heliograph/turn'") && strcontains(aws_instance.this.user_data, "parameter '/heliograph/key'")
    error_message = "The instance reads the secrets; its user data has only their names"
  }

  assert {
    condition     = length([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement if statement.Sid == "SessionManager"]) == 1
    error_message = "Systems Manager is let in"
  }
}
