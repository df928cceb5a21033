variable "name" {
  description = "First part of the name of everything that is made, and of the deployment in its metrics"
  type        = string
}

variable "tags" {
  description = "Tags of everything that is made"
  type        = map(string)
  default     = {}
}

variable "docker_image" {
  description = "Image of the server, with a tag or a digest"
  type        = string
}

variable "server_settings" {
  description = "Further settings of the server, as variables of its environment"
  type        = map(string)
  default     = {}
}

variable "data" {
  description = "Table and user pool, as signaling-data puts them out"
  type = object({
    table_name     = string
    table_arn      = string
    owner_index    = string
    cognito_region = string
    user_pool_id   = string
    user_pool_arn  = string
    app_client_id  = string
  })
}

variable "log_group" {
  description = "Name and ARN of the log group of the server"
  type        = object({ name = string, arn = string })
}

variable "http_port" {
  description = "First port of the server"
  type        = number
}

variable "websocket_port" {
  description = "Second port of the server"
  type        = number
}

variable "trusted_proxies" {
  description = "Networks whose X-Forwarded-For the server believes"
  type        = list(string)
  default     = []
}

variable "turn_secret_parameter" {
  description = "Name of an SSM parameter with the secret of the TURN servers; null for none"
  type        = string
  default     = null
}

variable "signing_key_parameter" {
  description = "Name of an SSM parameter with the key that signs join tokens; null for a key of the instance's own"
  type        = string
  default     = null
}

variable "bus" {
  description = "Where the nodes of a cluster meet: host and port of a Valkey that speaks TLS, and the name of the SSM parameter with its password; null for one server alone"
  type        = object({ address = string, auth_parameter = string })
  default     = null
}

variable "caddy" {
  description = "Caddy in front of the server on the same instance: its image, the domain name, and an address for the certificate authority; null for none"
  type        = object({ image = string, domain_name = string, acme_email = optional(string) })
  default     = null
}

variable "metric_namespace" {
  description = "Where in CloudWatch the instance reports the server's health, and how many connections it has, each minute; null for nowhere"
  type        = string
  default     = null
}

variable "stop_timeout" {
  description = "Seconds that the server may take to end, which it needs to hand its peers over"
  type        = number
  default     = 10
}

variable "enable_session_manager" {
  description = "Let AWS Systems Manager open a shell on the instance"
  type        = bool
  default     = false
}
