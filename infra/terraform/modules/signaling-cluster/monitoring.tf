# The log, and what wakes somebody.

locals {
  metric_namespace = "Heliograph"

  alarms = {
    unhealthy = {
      description = "No node of the cluster has been ready for three minutes"
      namespace   = "AWS/ApplicationELB"
      metric      = "HealthyHostCount"
      dimensions  = { LoadBalancer = module.load_balancer.arn_suffix, TargetGroup = module.load_balancer.target_group_arn_suffix }
      statistic   = "Maximum"
      comparison  = "LessThanThreshold"
      threshold   = 1
      period      = 60
      periods     = 3
      missing     = "breaching"
    }
    few-nodes = {
      description = "For ten minutes fewer nodes are ready than there should be at least"
      namespace   = "AWS/ApplicationELB"
      metric      = "HealthyHostCount"
      dimensions  = { LoadBalancer = module.load_balancer.arn_suffix, TargetGroup = module.load_balancer.target_group_arn_suffix }
      statistic   = "Maximum"
      comparison  = "LessThanThreshold"
      threshold   = var.min_nodes
      period      = 60
      periods     = 10
      missing     = "breaching"
    }
    full = {
      description = "The nodes have had more connections than they should for 15 minutes: the cluster is as large as it may be"
      namespace   = local.metric_namespace
      metric      = "Connections"
      dimensions  = { Deployment = local.name }
      statistic   = "Average"
      comparison  = "GreaterThanThreshold"
      threshold   = 1.3 * var.connections_per_node
      period      = 300
      periods     = 3
      missing     = "notBreaching"
    }
    errors = {
      description = "A node has logged errors, which it does for its own faults and for those of AWS, not for those of its users"
      namespace   = local.metric_namespace
      metric      = "${local.name}-errors"
      dimensions  = {}
      statistic   = "Sum"
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      period      = 300
      periods     = 1
      missing     = "notBreaching"
    }
    bus-busy = {
      description = "The bus has used more than 80 percent of its processor for 15 minutes: it needs a larger node type"
      namespace   = "AWS/ElastiCache"
      metric      = "EngineCPUUtilization"
      dimensions  = { ReplicationGroupId = aws_elasticache_replication_group.this.id, Role = "Primary" }
      statistic   = "Average"
      comparison  = "GreaterThanThreshold"
      threshold   = 80
      period      = 300
      periods     = 3
      missing     = "missing"
    }
    bus-full = {
      description = "The bus has used more than 80 percent of its memory"
      namespace   = "AWS/ElastiCache"
      metric      = "DatabaseMemoryUsagePercentage"
      dimensions  = { ReplicationGroupId = aws_elasticache_replication_group.this.id, Role = "Primary" }
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = 80
      period      = 300
      periods     = 1
      missing     = "missing"
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:Encrypted with a key of CloudWatch; the log holds no tokens and no SDP
  #checkov:skip=CKV_AWS_338:The log says who was in which room, and is kept no longer than it helps
  name              = "/heliograph/${local.name}"
  retention_in_days = var.log_retention_days
  tags              = local.tags
}

resource "aws_cloudwatch_log_metric_filter" "errors" {
  count = var.enable_alarms ? 1 : 0

  name           = "${local.name}-errors"
  log_group_name = aws_cloudwatch_log_group.this.name
  pattern        = "{ $.level = \"error\" }"

  metric_transformation {
    namespace     = local.metric_namespace
    name          = "${local.name}-errors"
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = var.enable_alarms ? local.alarms : {}

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = local.tags
}
