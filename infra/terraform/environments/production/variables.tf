variable "aws_region" {
  description = "Region of everything"
  type        = string
  default     = "us-west-1"
}

variable "docker_image" {
  description = "Image of the server, with a tag or a digest: docs/deploy.md says how to build and push it"
  type        = string
}

variable "domain_name" {
  description = "Name of the server, such as signal.example.org"
  type        = string
}

variable "certificate_arn" {
  description = "Certificate for that name, from ACM in the same region. With one, a load balancer ends TLS; without, Caddy on the instance does"
  type        = string
  default     = null
}

variable "zone_id" {
  description = "Route 53 zone in which to make the record of domain_name; null to make it yourself"
  type        = string
  default     = null
}

variable "acme_email" {
  description = "Where the certificate authority writes about Caddy's certificate; null for nowhere"
  type        = string
  default     = null
}

variable "acme_cidr_blocks" {
  description = "Addresses from which the certificate authority may check the domain on port 80, for Caddy: [\"0.0.0.0/0\"] unless allowed_cidr_blocks has that anyway"
  type        = list(string)
  default     = []
}

variable "allowed_cidr_blocks" {
  description = "Addresses that may use the server. Nobody by default; for everyone [\"0.0.0.0/0\", \"::/0\"]"
  type        = list(string)
  default     = []
}

variable "admin_cidr_blocks" {
  description = "Addresses that may use SSH, if there is a key_name"
  type        = list(string)
  default     = []
}

variable "key_name" {
  description = "EC2 key pair for SSH; null for none"
  type        = string
  default     = null
}

variable "enable_session_manager" {
  description = "Let AWS Systems Manager open a shell on the instance, for those whom IAM allows it"
  type        = bool
  default     = false
}

variable "vpc_id" {
  description = "Network of the instance; null for the account's default network"
  type        = string
  default     = null
}

variable "subnet_ids" {
  description = "Public subnets of vpc_id, two of them for a load balancer; null together with vpc_id"
  type        = list(string)
  default     = null

  validation {
    condition     = (var.subnet_ids == null) == (var.vpc_id == null)
    error_message = "Give vpc_id and subnet_ids, or neither."
  }
}

variable "instance_type" {
  description = "Type of the instance. Of a Graviton type (t4g and others) the image has to be for arm64"
  type        = string
  default     = "t3.small"
}

variable "cognito_region" {
  description = "Region of an existing user pool; null for aws_region"
  type        = string
  default     = null
}

variable "cognito_user_pool_id" {
  description = "Id of an existing user pool; null to make one"
  type        = string
  default     = null
}

variable "cognito_app_client_id" {
  description = "Id of an existing user pool's client; null together with cognito_user_pool_id"
  type        = string
  default     = null

  validation {
    condition     = (var.cognito_app_client_id == null) == (var.cognito_user_pool_id == null)
    error_message = "Give the ids of a user pool and of its client, or neither."
  }
}

variable "http_port" {
  description = "First port of the server, which only the load balancer or Caddy reaches"
  type        = number
  default     = 8001
}

variable "websocket_port" {
  description = "Second port of the server, which nobody reaches: with TLS everything is on 443"
  type        = number
  default     = 8080
}

variable "server_settings" {
  description = "Further settings of the server, as variables of its environment: docs/settings.md lists them"
  type        = map(string)
  default     = {}
}

variable "turn_secret_parameter" {
  description = "Name of an SSM parameter with the secret of your TURN servers"
  type        = string
  default     = null
}

variable "signing_key_parameter" {
  description = "Name of an SSM parameter with the key that signs join tokens, so that they outlive the instance; needed for a cluster, whose nodes share it"
  type        = string
  default     = null
}

variable "cluster" {
  description = "Several nodes instead of one instance: how many, how many connections each should have, and the SSM parameter with the password of their bus. Needs certificate_arn and signing_key_parameter; null for one instance"
  type = object({
    bus_auth_parameter        = string
    bus_node_type             = optional(string, "cache.t4g.small")
    min_nodes                 = optional(number, 2)
    max_nodes                 = optional(number, 6)
    connections_per_node      = optional(number, 20000)
    wait_for_capacity_timeout = optional(string, "10m")
  })
  default = null

  validation {
    condition     = var.cluster == null || (var.certificate_arn != null && var.signing_key_parameter != null)
    error_message = "A cluster stands behind a load balancer, and its nodes share a key: give certificate_arn and signing_key_parameter."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the table, the user pool, the load balancer and, outside Terraform, the instance"
  type        = bool
  default     = true
}

variable "alarm_email" {
  description = "Whom alarms are mailed to, after a confirmation; null for nobody"
  type        = string
  default     = null
}
