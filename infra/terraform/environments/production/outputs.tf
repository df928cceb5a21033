output "public_ip" {
  description = "Elastic IP of the instance; null for a cluster"
  value       = one(module.signaling_server[*].public_ip)
}

output "elastic_ip" {
  description = "The same as public_ip"
  value       = one(module.signaling_server[*].elastic_ip)
}

output "public_dns" {
  description = "Name that AWS gives the Elastic IP; null for a cluster"
  value       = one(module.signaling_server[*].public_dns)
}

output "dns_target" {
  description = "What the record of domain_name has to point to, unless zone_id is given"
  value       = var.cluster == null ? local.server.dns_target : local.cluster.dns_target
}

output "http_url" {
  description = "Where clients find the HTTP endpoints and the demo page"
  value       = "https://${var.domain_name}"
}

output "https_url" {
  description = "The same as http_url, which is encrypted here"
  value       = "https://${var.domain_name}"
}

output "websocket_url" {
  description = "Where clients connect with WebSockets"
  value       = "wss://${var.domain_name}"
}

output "instance_id" {
  description = "Id of the instance; null for a cluster"
  value       = one(module.signaling_server[*].instance_id)
}

output "security_group_id" {
  description = "Id of the instance's security group"
  value       = var.cluster == null ? local.server.security_group_id : local.cluster.security_group_id
}

output "role_name" {
  description = "Name of the instance's role"
  value       = var.cluster == null ? local.server.role_name : local.cluster.role_name
}

output "table_name" {
  description = "Name of the table of rooms"
  value       = module.data.data.table_name
}

output "table_arn" {
  description = "ARN of the table of rooms"
  value       = module.data.data.table_arn
}

output "cognito_region" {
  description = "Region of the user pool"
  value       = module.data.data.cognito_region
}

output "cognito_user_pool_id" {
  description = "Id of the user pool"
  value       = module.data.data.user_pool_id
}

output "cognito_app_client_id" {
  description = "Id of the pool's client"
  value       = module.data.data.app_client_id
}

output "log_group_name" {
  description = "Name of the server's log group"
  value       = var.cluster == null ? local.server.log_group_name : local.cluster.log_group_name
}

output "alarm_names" {
  description = "Names of the alarms"
  value       = var.cluster == null ? local.server.alarm_names : local.cluster.alarm_names
}

output "server_environment" {
  description = "Settings of the server: with them and credentials it runs anywhere against the same table and user pool"
  value       = var.cluster == null ? local.server.server_environment : local.cluster.server_environment
}

output "autoscaling_group_name" {
  description = "Name of the auto-scaling group of a cluster; null for one instance"
  value       = one(module.signaling_cluster[*].autoscaling_group_name)
}

output "bus_address" {
  description = "Where the nodes of a cluster meet: host and port, inside of the network; null for one instance"
  value       = one(module.signaling_cluster[*].bus_address)
}
