# TLS, protection, and nobody let in who was not named.

mock_provider "aws" {
  source = "../../mocks/aws"
}

variables {
  docker_image = "ghcr.io/example/heliograph:0.1.0"
  domain_name  = "signal.example.org"
}

run "a_domain_name_alone_means_caddy" {
  variables {
    acme_cidr_blocks = ["0.0.0.0/0"]
    alarm_email      = "ops@example.org"
  }

  assert {
    condition     = output.websocket_url == "wss://signal.example.org" && output.dns_target == "198.51.100.7"
    error_message = "Encrypted, with the Elastic IP as the target of the name"
  }

  assert {
    condition     = output.server_environment.HELIOGRAPH_HOST == "127.0.0.1"
    error_message = "The server itself is not on the network"
  }

  assert {
    condition     = aws_sns_topic_subscription.alarms[0].endpoint == "ops@example.org" && length(output.alarm_names) == 7
    error_message = "Alarms are mailed"
  }
}

run "a_certificate_means_a_load_balancer" {
  variables {
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
  }

  assert {
    condition     = output.websocket_url == "wss://signal.example.org" && endswith(output.dns_target, ".elb.amazonaws.com")
    error_message = "Encrypted, with the load balancer as the target of the name"
  }

  assert {
    condition     = length(var.allowed_cidr_blocks) + length(var.admin_cidr_blocks) + length(var.acme_cidr_blocks) == 0
    error_message = "Nobody is let in by default"
  }
}

run "a_network_of_ones_own" {
  variables {
    acme_cidr_blocks = ["0.0.0.0/0"]
    vpc_id           = "vpc-0123456789abcdef0"
    subnet_ids       = ["subnet-c"]
  }

  assert {
    condition     = length(module.network) == 0
    error_message = "The default network is not looked up"
  }
}

run "half_a_network" {
  command = plan

  variables {
    acme_cidr_blocks = ["0.0.0.0/0"]
    subnet_ids       = ["subnet-c"]
  }

  expect_failures = [var.subnet_ids]
}

run "a_cluster" {
  variables {
    certificate_arn       = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    signing_key_parameter = "/heliograph/key"
    cluster               = { bus_auth_parameter = "/heliograph/bus", min_nodes = 3 }
  }

  assert {
    condition     = output.autoscaling_group_name == "heliograph-production" && output.instance_id == null && length(module.signaling_server) == 0
    error_message = "Nodes instead of an instance"
  }

  assert {
    condition     = output.websocket_url == "wss://signal.example.org" && endswith(output.dns_target, ".elb.amazonaws.com")
    error_message = "Behind the same name"
  }

  assert {
    condition     = output.table_name == "heliograph-production-rooms" && output.server_environment.HELIOGRAPH_ROOMS_TABLE == output.table_name
    error_message = "With the same rooms"
  }
}

run "one_server_has_the_same_data" {
  variables {
    acme_cidr_blocks = ["0.0.0.0/0"]
  }

  assert {
    condition     = output.table_name == "heliograph-production-rooms" && output.autoscaling_group_name == null
    error_message = "Either can take the other's place"
  }
}

run "a_cluster_without_what_it_needs" {
  command = plan

  variables {
    cluster = { bus_auth_parameter = "/heliograph/bus" }
  }

  expect_failures = [var.cluster]
}
