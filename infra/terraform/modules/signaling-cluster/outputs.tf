output "dns_target" {
  description = "What the record of domain_name has to point to, by a CNAME or an alias, unless zone_id is given"
  value       = module.load_balancer.dns_name
}

output "https_url" {
  description = "Where clients find the HTTP endpoints and the demo page"
  value       = "https://${var.domain_name}"
}

output "websocket_url" {
  description = "Where clients connect with WebSockets"
  value       = "wss://${var.domain_name}"
}

output "autoscaling_group_name" {
  description = "Name of the auto-scaling group of the nodes"
  value       = aws_autoscaling_group.this.name
}

output "security_group_id" {
  description = "Id of the nodes' security group"
  value       = aws_security_group.instance.id
}

output "role_name" {
  description = "Name of the nodes' role"
  value       = module.host.role_name
}

output "bus_address" {
  description = "Where the nodes meet: host and port, inside of the network"
  value       = "${aws_elasticache_replication_group.this.primary_endpoint_address}:${local.bus_port}"
}

output "table_name" {
  description = "Name of the table of rooms"
  value       = local.data.table_name
}

output "table_arn" {
  description = "ARN of the table of rooms"
  value       = local.data.table_arn
}

output "cognito_region" {
  description = "Region of the user pool"
  value       = local.data.cognito_region
}

output "cognito_user_pool_id" {
  description = "Id of the user pool"
  value       = local.data.user_pool_id
}

output "cognito_app_client_id" {
  description = "Id of the pool's client"
  value       = local.data.app_client_id
}

output "log_group_name" {
  description = "Name of the log group of all nodes"
  value       = aws_cloudwatch_log_group.this.name
}

output "alarm_names" {
  description = "Names of the alarms"
  value       = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name]
}

output "server_environment" {
  description = "Settings of a node, as variables of its environment, without secrets: the URL of the bus holds one"
  value       = module.host.server_environment
}
