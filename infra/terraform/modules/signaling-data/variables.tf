variable "name" {
  description = "First part of the name of everything that is made"
  type        = string
}

variable "tags" {
  description = "Tags of everything that is made"
  type        = map(string)
  default     = {}
}

variable "create_user_pool" {
  description = "Make a Cognito user pool and its client, rather than use one that exists"
  type        = bool
  default     = false
}

variable "cognito_region" {
  description = "Region of an existing user pool; null for the region of everything else"
  type        = string
  default     = null
}

variable "cognito_user_pool_id" {
  description = "Id of the user pool, unless create_user_pool"
  type        = string
  default     = null

  validation {
    condition     = var.create_user_pool || var.cognito_user_pool_id != null
    error_message = "Give the ids of a user pool and its client, or set create_user_pool."
  }
}

variable "cognito_app_client_id" {
  description = "Id of the pool's client, unless create_user_pool. The pool lets users sign themselves up; the client has no secret and allows ALLOW_USER_PASSWORD_AUTH"
  type        = string
  default     = null

  validation {
    condition     = var.create_user_pool || var.cognito_app_client_id != null
    error_message = "Give the ids of a user pool and its client, or set create_user_pool."
  }
}

variable "point_in_time_recovery" {
  description = "Keep 35 days of the table's past, to restore it from"
  type        = bool
  default     = true
}

variable "deletion_protection" {
  description = "Refuse to delete the table and the user pool"
  type        = bool
  default     = false
}
