output "vpc_id" {
  description = "Id of the default network"
  value       = data.aws_vpc.default.id
}

output "subnet_ids" {
  description = "Ids of its default subnets, in a stable order; all of them are public"
  value       = sort(data.aws_subnets.default.ids)
}
