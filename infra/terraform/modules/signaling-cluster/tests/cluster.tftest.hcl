# Nodes, the bus on which they meet, and who reaches what.

mock_provider "aws" {
  source = "../../mocks/aws"
}

variables {
  environment           = "test"
  docker_image          = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/heliograph:0.1.0"
  signing_key_parameter = "/heliograph/key"
  bus_auth_parameter    = "/heliograph/bus"
  create_user_pool      = true
  vpc_id                = "vpc-0123456789abcdef0"
  subnet_ids            = ["subnet-a", "subnet-b"]
  allowed_cidr_blocks   = ["203.0.113.0/24"]
  domain_name           = "signal.example.org"
  certificate_arn       = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
}

run "nodes_in_two_zones_replaced_one_after_another" {
  assert {
    condition     = aws_autoscaling_group.this.vpc_zone_identifier == toset(["subnet-a", "subnet-b"]) && aws_autoscaling_group.this.min_size == 2
    error_message = "Two nodes at least, in all zones"
  }

  assert {
    condition     = aws_autoscaling_group.this.health_check_type == "ELB" && aws_autoscaling_group.this.target_group_arns == toset([module.load_balancer.target_group_arn])
    error_message = "A node that is not ready is replaced"
  }

  assert {
    condition = (
      one(aws_autoscaling_group.this.instance_refresh).strategy == "Rolling" &&
      one(one(aws_autoscaling_group.this.instance_refresh).preferences).min_healthy_percentage == 100 &&
      one(one(aws_autoscaling_group.this.instance_refresh).preferences).auto_rollback
    )
    error_message = "A new node first, then an old one goes"
  }

  assert {
    condition     = aws_launch_template.this.metadata_options[0].http_tokens == "required" && tobool(aws_launch_template.this.block_device_mappings[0].ebs[0].encrypted)
    error_message = "The machine is hardened"
  }

  assert {
    condition     = base64decode(aws_launch_template.this.user_data) == module.host.user_data
    error_message = "A node is told what to do"
  }
}

run "it_grows_with_its_connections" {
  assert {
    condition = (
      aws_autoscaling_policy.connections.target_tracking_configuration[0].target_value == 20000 &&
      one(aws_autoscaling_policy.connections.target_tracking_configuration[0].customized_metric_specification).metric_name == "Connections" &&
      one(one(aws_autoscaling_policy.connections.target_tracking_configuration[0].customized_metric_specification).metric_dimension).value == "heliograph-test"
    )
    error_message = "By what the nodes themselves report"
  }

  assert {
    condition     = strcontains(module.host.user_data, "report Connections ")
    error_message = "Nodes report it"
  }
}

run "the_bus_survives_a_zone_and_is_shut_to_strangers" {
  assert {
    condition = (
      aws_elasticache_replication_group.this.engine == "valkey" && aws_elasticache_replication_group.this.num_cache_clusters == 2 &&
      aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.multi_az_enabled
    )
    error_message = "A replica in another zone takes over"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled && tobool(aws_elasticache_replication_group.this.at_rest_encryption_enabled) && aws_elasticache_replication_group.this.auth_token != null
    error_message = "Encrypted, and with a password"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.bus.referenced_security_group_id == aws_security_group.instance.id && aws_vpc_security_group_ingress_rule.bus.cidr_ipv4 == null
    error_message = "Only nodes reach it"
  }

  assert {
    condition     = output.bus_address == "master.heliograph-test.abcdef.euc1.cache.amazonaws.com:6379" && strcontains(module.host.user_data, "@%s") && strcontains(module.host.user_data, output.bus_address)
    error_message = "Nodes know where it is"
  }

  assert {
    condition     = !strcontains(module.host.user_data, "OpenSesame")
    error_message = "The password is not in the user data"
  }
}

run "nobody_reaches_a_node_past_the_load_balancer" {
  variables {
    key_name = "ops"
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.ssh) == 0
    error_message = "A key alone does not open SSH"
  }

  assert {
    condition     = output.server_environment.HELIOGRAPH_TRUSTED_PROXIES == "10.7.0.0/16"
    error_message = "Nodes believe the load balancer about addresses"
  }
}

run "ssh_with_key_and_address" {
  variables {
    key_name          = "ops"
    admin_cidr_blocks = ["203.0.113.7/32"]
  }

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.ssh) == ["203.0.113.7/32"] && aws_launch_template.this.key_name == "ops"
    error_message = "SSH for that address, with that key"
  }
}

run "urls_and_the_name" {
  variables {
    zone_id = "Z0123456789"
  }

  assert {
    condition     = output.websocket_url == "wss://signal.example.org" && output.https_url == "https://signal.example.org"
    error_message = "Encrypted URLs"
  }

  assert {
    condition     = one(one(aws_route53_record.this).alias).name == output.dns_target
    error_message = "The name points to the load balancer"
  }
}

run "every_alarm_tells_somebody" {
  variables {
    alarm_actions = ["arn:aws:sns:eu-central-1:123456789012:ops"]
  }

  assert {
    condition     = length(output.alarm_names) == 6 && alltrue([for alarm in aws_cloudwatch_metric_alarm.this : contains(alarm.alarm_actions, "arn:aws:sns:eu-central-1:123456789012:ops")])
    error_message = "All six"
  }
}

run "values_that_make_no_sense" {
  command = plan

  variables {
    subnet_ids            = ["subnet-a"]
    min_nodes             = 1
    connections_per_node  = 1
    bus_auth_parameter    = "secret"
    signing_key_parameter = "key"
    domain_name           = "https://signal.example.org"
  }

  expect_failures = [
    var.subnet_ids, var.min_nodes, var.connections_per_node, var.bus_auth_parameter, var.signing_key_parameter, var.domain_name,
  ]
}

run "no_room_to_grow" {
  command = plan

  variables {
    min_nodes = 3
    max_nodes = 3
  }

  expect_failures = [var.max_nodes]
}
