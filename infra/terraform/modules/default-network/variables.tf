variable "instance_type" {
  description = "Type of the instances that will be put into the subnets"
  type        = string
}
