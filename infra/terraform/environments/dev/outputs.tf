output "public_ip" {
  description = "Elastic IP of the instance"
  value       = module.signaling_server.public_ip
}

output "elastic_ip" {
  description = "The same as public_ip"
  value       = module.signaling_server.elastic_ip
}

output "public_dns" {
  description = "Name that AWS gives the Elastic IP"
  value       = module.signaling_server.public_dns
}

output "http_url" {
  description = "Where clients find the HTTP endpoints and the demo page"
  value       = module.signaling_server.http_url
}

output "websocket_url" {
  description = "Where clients connect with WebSockets"
  value       = module.signaling_server.websocket_url
}

output "instance_id" {
  description = "Id of the instance"
  value       = module.signaling_server.instance_id
}

output "security_group_id" {
  description = "Id of the instance's security group"
  value       = module.signaling_server.security_group_id
}

output "role_name" {
  description = "Name of the instance's role"
  value       = module.signaling_server.role_name
}

output "table_name" {
  description = "Name of the table of rooms"
  value       = module.signaling_server.table_name
}

output "cognito_region" {
  description = "Region of the user pool"
  value       = module.signaling_server.cognito_region
}

output "cognito_user_pool_id" {
  description = "Id of the user pool"
  value       = module.signaling_server.cognito_user_pool_id
}

output "cognito_app_client_id" {
  description = "Id of the pool's client"
  value       = module.signaling_server.cognito_app_client_id
}

output "log_group_name" {
  description = "Name of the server's log group"
  value       = module.signaling_server.log_group_name
}

output "server_environment" {
  description = "Settings of the server: with them and credentials it runs anywhere against the same table and user pool"
  value       = module.signaling_server.server_environment
}
