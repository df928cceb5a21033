# The instances: as many as the connections need, in all zones, replaced one after another when what they run changes.

resource "aws_launch_template" "this" {
  name_prefix            = "${local.name}-"
  image_id               = var.ami_id != null ? var.ami_id : data.aws_ssm_parameter.ami.insecure_value
  instance_type          = var.instance_type
  key_name               = var.key_name
  user_data              = base64encode(module.host.user_data)
  update_default_version = true
  ebs_optimized          = contains(["supported", "default"], data.aws_ec2_instance_type.this.ebs_optimized_support)
  tags                   = local.tags

  iam_instance_profile {
    arn = module.host.instance_profile.arn
  }

  # The way out, to AWS and the registry of the image. In, the security group lets only the load balancer.
  network_interfaces {
    #checkov:skip=CKV_AWS_88:A gateway for private subnets costs more than the nodes
    associate_public_ip_address = true
    delete_on_termination       = true
    security_groups             = [aws_security_group.instance.id]
  }

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
    # The container shares the network of its host, so that one hop is enough.
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = var.root_volume_size
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = merge(local.tags, { Name = local.name })
  }

  tag_specifications {
    resource_type = "volume"
    tags          = merge(local.tags, { Name = local.name })
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_autoscaling_group" "this" {
  name                      = local.name
  min_size                  = var.min_nodes
  max_size                  = var.max_nodes
  vpc_zone_identifier       = var.subnet_ids
  target_group_arns         = [module.load_balancer.target_group_arn]
  health_check_type         = "ELB"
  health_check_grace_period = 300 # seconds to boot, install Docker and fetch the image
  default_instance_warmup   = 120
  termination_policies      = ["OldestLaunchTemplate", "OldestInstance"]
  enabled_metrics           = ["GroupInServiceInstances", "GroupDesiredCapacity"]
  wait_for_capacity_timeout = var.wait_for_capacity_timeout

  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  # A new node first, then an old one goes: its peers have somewhere to go, and never all at once.
  instance_refresh {
    strategy = "Rolling"

    preferences {
      min_healthy_percentage = 100
      max_healthy_percentage = 110
      auto_rollback          = true
    }
  }

  dynamic "tag" {
    for_each = merge(local.tags, { Name = local.name })

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = false # the launch template has them
    }
  }

  lifecycle {
    # Scaling decides.
    ignore_changes = [desired_capacity]
  }

  # A node fetches its image from its first second on.
  depends_on = [aws_vpc_security_group_egress_rule.https, aws_vpc_security_group_egress_rule.bus]
}

resource "aws_autoscaling_policy" "connections" {
  name                   = "connections"
  autoscaling_group_name = aws_autoscaling_group.this.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = var.connections_per_node

    # Each node reports its own number once a minute; their average is what a node has.
    customized_metric_specification {
      namespace   = local.metric_namespace
      metric_name = "Connections"
      statistic   = "Average"

      metric_dimension {
        name  = "Deployment"
        value = local.name
      }
    }
  }
}

resource "aws_autoscaling_policy" "processors" {
  name                   = "processors"
  autoscaling_group_name = aws_autoscaling_group.this.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = 60

    predefined_metric_specification {
      predefined_metric_type = "ASGAverageCPUUtilization"
    }
  }
}
