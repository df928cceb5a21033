# The instance, its address, its settings, and what it does at boot.

mock_provider "aws" {
  source = "../../mocks/aws"
}

variables {
  environment         = "test"
  docker_image        = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/heliograph:0.1.0"
  vpc_id              = "vpc-0123456789abcdef0"
  subnet_ids          = ["subnet-a", "subnet-b"]
  allowed_cidr_blocks = ["203.0.113.0/24"]
  create_user_pool    = true
}

run "the_machine_is_hardened" {
  assert {
    condition     = aws_instance.this.metadata_options[0].http_tokens == "required" && aws_instance.this.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "Only IMDSv2, and only from the instance itself"
  }

  assert {
    condition     = aws_instance.this.root_block_device[0].encrypted
    error_message = "The disk is encrypted"
  }

  assert {
    condition     = !aws_instance.this.disable_api_termination
    error_message = "No protection unless asked for"
  }
}

run "the_address_does_not_hang_on_the_instance" {
  assert {
    condition     = aws_eip.this.instance == null || aws_eip.this.instance != aws_instance.this.id
    error_message = "The address is associated, not part of the instance"
  }

  assert {
    condition     = aws_eip_association.this.allocation_id == aws_eip.this.allocation_id && aws_eip_association.this.instance_id == aws_instance.this.id
    error_message = "The address points to the instance"
  }

  assert {
    condition     = output.public_ip == "198.51.100.7" && output.elastic_ip == output.public_ip
    error_message = "The address is an output"
  }

  assert {
    condition     = output.http_url == "http://198.51.100.7:8001" && output.websocket_url == "ws://198.51.100.7:8080" && output.https_url == null
    error_message = "URLs without TLS name the address and the ports"
  }
}

run "the_server_gets_the_pool_and_the_table" {
  assert {
    condition = output.server_environment == tomap({
      AWS_DEFAULT_REGION     = "eu-central-1"
      COGNITO_REGION         = "eu-central-1"
      COGNITO_USER_POOL_ID   = "eu-central-1_madeByUs"
      COGNITO_APP_CLIENT_ID  = "clientmadebyus"
      HELIOGRAPH_IDENTITY    = "cognito"
      HELIOGRAPH_ROOMS       = "dynamodb"
      HELIOGRAPH_ROOMS_TABLE = "heliograph-test-rooms"
      HELIOGRAPH_HOST        = "0.0.0.0"
      HELIOGRAPH_HTTP_PORT   = "8001"
      HELIOGRAPH_WS_PORT     = "8080"
      HELIOGRAPH_LOG_FORMAT  = "json"
    })
    error_message = "The settings are those of the pool, the table and the ports"
  }
}

run "user_data_is_complete" {
  assert {
    condition     = startswith(aws_instance.this.user_data, "#cloud-config\n") && aws_instance.this.user_data_replace_on_change
    error_message = "What changes at boot makes a new instance"
  }

  assert {
    condition = toset([for file in yamldecode(aws_instance.this.user_data).write_files : file.path]) == toset([
      "/etc/heliograph/server.env",
      "/etc/systemd/system/heliograph-health.service",
      "/etc/systemd/system/heliograph.service",
      "/usr/local/bin/heliograph-health",
      "/usr/local/bin/heliograph-install",
      "/usr/local/bin/heliograph-prepare",
    ])
    error_message = "Files for the server and its health check"
  }

  assert {
    condition     = yamldecode(aws_instance.this.user_data).runcmd == [["/usr/local/bin/heliograph-install", "heliograph", "heliograph-health"]]
    error_message = "Both services are started"
  }

  assert {
    condition = one([for file in yamldecode(aws_instance.this.user_data).write_files : file.content if file.path == "/etc/heliograph/server.env"]) == join("", [
      for name, value in output.server_environment : "${name}=${value}\n"
    ])
    error_message = "The server of the instance has the settings of the output"
  }

  assert {
    condition     = strcontains(aws_instance.this.user_data, "get-login-password --region 'us-east-1'")
    error_message = "It logs in to the registry of the image, in the registry's region"
  }
}

run "a_public_image_needs_no_login" {
  variables {
    docker_image = "ghcr.io/example/heliograph:0.1.0"
  }

  assert {
    condition     = !strcontains(aws_instance.this.user_data, "get-login-password") && !strcontains(module.host.policy, "ecr:")
    error_message = "Nothing of ECR for an image from elsewhere"
  }
}

run "the_operators_choices_arrive" {
  variables {
    create_user_pool      = false
    cognito_region        = "us-east-1"
    cognito_user_pool_id  = "us-east-1_theirs"
    cognito_app_client_id = "theirclient"
    http_port             = 9001
    websocket_port        = 9002
    server_settings       = { HELIOGRAPH_MAX_PEERS = "50", HELIOGRAPH_LOG_LEVEL = "debug" }
    deletion_protection   = true
    enable_alarms         = false
  }

  assert {
    condition     = output.cognito_user_pool_id == "us-east-1_theirs"
    error_message = "No pool beside the one that there is"
  }

  assert {
    condition     = output.server_environment.COGNITO_REGION == "us-east-1" && output.server_environment.AWS_DEFAULT_REGION == "eu-central-1"
    error_message = "The pool may be in another region"
  }

  assert {
    condition     = output.server_environment.HELIOGRAPH_MAX_PEERS == "50" && output.server_environment.HELIOGRAPH_WS_PORT == "9002"
    error_message = "Settings are passed on"
  }

  assert {
    condition     = aws_instance.this.disable_api_termination
    error_message = "Protected when asked for"
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 0 && !strcontains(aws_instance.this.user_data, "put-metric-data") && !strcontains(module.host.policy, "cloudwatch:")
    error_message = "Without alarms nothing is reported"
  }
}

run "alarms_say_what_is_wrong" {
  variables {
    alarm_actions = ["arn:aws:sns:eu-central-1:123456789012:ops"]
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : contains(alarm.alarm_actions, "arn:aws:sns:eu-central-1:123456789012:ops")])
    error_message = "Every alarm tells somebody"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["unhealthy"].treat_missing_data == "breaching"
    error_message = "Silence is an alarm"
  }

  assert {
    condition     = contains(aws_cloudwatch_metric_alarm.this["broken-machine"].alarm_actions, "arn:aws:automate:eu-central-1:ec2:recover")
    error_message = "AWS moves an instance whose machine fails"
  }

  assert {
    condition     = strcontains(aws_instance.this.user_data, "--namespace 'Heliograph'") && strcontains(aws_instance.this.user_data, "report Healthy ")
    error_message = "The instance reports what the alarm reads"
  }
}

run "data_that_stands_beside_is_used" {
  variables {
    create_user_pool = false
    data = {
      table_name     = "theirs-rooms"
      table_arn      = "arn:aws:dynamodb:eu-central-1:123456789012:table/theirs-rooms"
      owner_index    = "rooms-by-owner"
      cognito_region = "us-east-1"
      user_pool_id   = "us-east-1_theirs"
      user_pool_arn  = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_theirs"
      app_client_id  = "theirclient"
    }
  }

  assert {
    condition     = length(module.data) == 0 && output.table_name == "theirs-rooms" && output.cognito_user_pool_id == "us-east-1_theirs"
    error_message = "Nothing is made beside what there is"
  }

  assert {
    condition     = output.server_environment.HELIOGRAPH_ROOMS_TABLE == "theirs-rooms" && strcontains(module.host.policy, "table/theirs-rooms")
    error_message = "The server uses it, and may"
  }
}
