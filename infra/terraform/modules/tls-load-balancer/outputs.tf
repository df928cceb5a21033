output "dns_name" {
  description = "Name that AWS gives the load balancer"
  value       = aws_lb.this.dns_name
}

output "zone_id" {
  description = "Route 53 zone of that name, for an alias"
  value       = aws_lb.this.zone_id
}

output "target_group_arn" {
  description = "Where servers are registered"
  value       = aws_lb_target_group.this.arn
}

output "arn_suffix" {
  description = "How metrics name the load balancer"
  value       = aws_lb.this.arn_suffix
}

output "target_group_arn_suffix" {
  description = "How metrics name the target group"
  value       = aws_lb_target_group.this.arn_suffix
}
