output "user_data" {
  description = "What the instance is told to do at its first boot"
  value       = local.user_data

  # The server reads what it needs, and writes its log, from its first second on.
  depends_on = [aws_iam_role_policy.this]
}

output "instance_profile" {
  description = "Name and ARN of the instance profile"
  value       = { name = aws_iam_instance_profile.this.name, arn = aws_iam_instance_profile.this.arn }
}

output "role_name" {
  description = "Name of the role"
  value       = aws_iam_role.this.name
}

output "policy" {
  description = "What the role may do, as JSON"
  value       = aws_iam_role_policy.this.policy
}

output "server_environment" {
  description = "Settings of the server, as variables of its environment, without secrets"
  value       = tomap(local.server_environment)
}
