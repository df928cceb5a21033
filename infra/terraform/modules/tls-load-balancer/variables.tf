variable "name" {
  description = "Name of everything that is made, at most 32 characters"
  type        = string
}

variable "tags" {
  description = "Tags of everything that is made"
  type        = map(string)
  default     = {}
}

variable "vpc_id" {
  description = "Network of the load balancer and the servers"
  type        = string
}

variable "subnet_ids" {
  description = "Public subnets of that network, in different availability zones"
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "A load balancer needs two public subnets, in different availability zones."
  }
}

variable "allowed_cidr_blocks" {
  description = "Addresses that may use it"
  type        = list(string)
}

variable "certificate_arn" {
  description = "Certificate from ACM in the same region"
  type        = string
}

variable "target_security_group_id" {
  description = "Security group of the servers, which is opened to the load balancer"
  type        = string
}

variable "target_port" {
  description = "Port of the servers"
  type        = number
}

variable "deregistration_delay" {
  description = "Seconds that open connections to a server may go on after it was taken out"
  type        = number
}

variable "deletion_protection" {
  description = "Refuse to delete it"
  type        = bool
}
