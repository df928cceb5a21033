variable "aws_region" {
  description = "Region of everything"
  type        = string
  default     = "us-west-1"
}

variable "docker_image" {
  description = "Image of the server, with a tag or a digest: docs/deploy.md says how to build and push it"
  type        = string
}

variable "allowed_cidr_blocks" {
  description = "Addresses that may use the server, such as [\"203.0.113.0/24\"]"
  type        = list(string)
}

variable "instance_type" {
  description = "Type of the instance. Of a Graviton type (t4g and others) the image has to be for arm64"
  type        = string
  default     = "t3.micro"
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

variable "http_port" {
  description = "First port of the server"
  type        = number
  default     = 8001
}

variable "websocket_port" {
  description = "Second port of the server. Each of the two serves HTTP and WebSockets"
  type        = number
  default     = 8080
}

variable "enable_alarms" {
  description = "Make CloudWatch alarms, and report the server's health to CloudWatch each minute"
  type        = bool
  default     = false
}

variable "server_settings" {
  description = "Further settings of the server, as variables of its environment: docs/settings.md lists them"
  type        = map(string)
  default     = {}
}
