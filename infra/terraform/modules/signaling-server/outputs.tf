# Addresses

output "public_ip" {
  description = "Elastic IP of the instance, which stays when the instance is replaced"
  value       = aws_eip.this.public_ip
}

output "elastic_ip" {
  description = "The same as public_ip"
  value       = aws_eip.this.public_ip
}

output "public_dns" {
  description = "Name that AWS gives the Elastic IP"
  value       = aws_eip.this.public_dns
}

output "dns_target" {
  description = "What the record of domain_name has to point to: an A record for an address, a CNAME or an alias for the name of a load balancer"
  value       = local.tls_in_front ? one(module.load_balancer[*].dns_name) : aws_eip.this.public_ip
}

# URLs

output "http_url" {
  description = "Where clients find the HTTP endpoints and the demo page"
  value       = var.tls == "none" ? "http://${aws_eip.this.public_ip}:${var.http_port}" : "https://${var.domain_name}"
}

output "https_url" {
  description = "The same, if it is encrypted; otherwise null"
  value       = var.tls == "none" ? null : "https://${var.domain_name}"
}

output "websocket_url" {
  description = "Where clients connect with WebSockets"
  value       = var.tls == "none" ? "ws://${aws_eip.this.public_ip}:${var.websocket_port}" : "wss://${var.domain_name}"
}

# Ids

output "instance_id" {
  description = "Id of the instance"
  value       = aws_instance.this.id
}

output "security_group_id" {
  description = "Id of the instance's security group"
  value       = aws_security_group.instance.id
}

output "role_name" {
  description = "Name of the instance's role"
  value       = module.host.role_name
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
  description = "Name of the server's log group"
  value       = aws_cloudwatch_log_group.this.name
}

output "alarm_names" {
  description = "Names of the alarms"
  value       = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name]
}

# For those who run a server of their own against the same table and pool

output "server_environment" {
  description = "Settings of the server, as variables of its environment: what the instance runs it with, without secrets"
  value       = module.host.server_environment
}
