# The log, and what wakes somebody.

locals {
  metric_namespace = "Heliograph"
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

locals {
  alarms = {
    unhealthy = {
      description = "The server has not said that it is healthy for three minutes: it is down, or cut off from AWS"
      namespace   = local.metric_namespace
      metric      = "Healthy"
      dimensions  = { Deployment = local.name }
      statistic   = "Minimum"
      comparison  = "LessThanThreshold"
      threshold   = 1
      period      = 60
      periods     = 3
      missing     = "breaching"
    }
    errors = {
      description = "The server has logged errors, which it does for its own faults and for those of AWS, not for those of its users"
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
    busy = {
      description = "The instance has used more than 80 percent of its processors for 15 minutes"
      namespace   = "AWS/EC2"
      metric      = "CPUUtilization"
      dimensions  = { InstanceId = aws_instance.this.id }
      statistic   = "Average"
      comparison  = "GreaterThanThreshold"
      threshold   = 80
      period      = 300
      periods     = 3
      missing     = "missing"
    }
    broken-machine = {
      description = "The machine below the instance fails; AWS moves the instance to another one"
      namespace   = "AWS/EC2"
      metric      = "StatusCheckFailed_System"
      dimensions  = { InstanceId = aws_instance.this.id }
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      period      = 60
      periods     = 2
      missing     = "missing"
    }
    broken-instance = {
      description = "The operating system does not answer; AWS restarts it"
      namespace   = "AWS/EC2"
      metric      = "StatusCheckFailed_Instance"
      dimensions  = { InstanceId = aws_instance.this.id }
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      period      = 60
      periods     = 3
      missing     = "missing"
    }
    throttled-reads = {
      description = "DynamoDB has refused to read rooms because there were too many requests"
      namespace   = "AWS/DynamoDB"
      metric      = "ReadThrottleEvents"
      dimensions  = { TableName = local.data.table_name }
      statistic   = "Sum"
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      period      = 300
      periods     = 1
      missing     = "notBreaching"
    }
    throttled-writes = {
      description = "DynamoDB has refused to write rooms because there were too many requests"
      namespace   = "AWS/DynamoDB"
      metric      = "WriteThrottleEvents"
      dimensions  = { TableName = local.data.table_name }
      statistic   = "Sum"
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      period      = 300
      periods     = 1
      missing     = "notBreaching"
    }
  }

  # What AWS itself does about an alarm.
  repairs = {
    broken-machine  = ["arn:${local.partition}:automate:${local.region}:ec2:recover"]
    broken-instance = ["arn:${local.partition}:automate:${local.region}:ec2:reboot"]
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
  alarm_actions       = concat(lookup(local.repairs, each.key, []), var.alarm_actions)
  ok_actions          = var.alarm_actions
  tags                = local.tags
}
