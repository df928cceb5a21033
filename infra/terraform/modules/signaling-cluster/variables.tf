# What is deployed, and under which name

variable "name" {
  description = "First part of the name of everything that is made; the environment is the second"
  type        = string
  default     = "heliograph"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,15}$", var.name))
    error_message = "Use at most 16 lower-case letters, digits and hyphens, a letter first: load balancers have short names."
  }
}

variable "environment" {
  description = "Name of the environment, such as dev or production"
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,11}$", var.environment))
    error_message = "Use at most 12 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "tags" {
  description = "Tags of everything that is made"
  type        = map(string)
  default     = {}
}

variable "docker_image" {
  description = "Image of the server, with a tag or a digest. It has to be built and pushed first: none is published. From an ECR repository of any account and region, or from a public registry"
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._/:-]*[a-z0-9](:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$", var.docker_image))
    error_message = "Name the image with its tag or its digest, for example 123456789012.dkr.ecr.eu-central-1.amazonaws.com/heliograph:0.1.0."
  }
}

variable "server_settings" {
  description = "Further settings of the server, as variables of its environment: docs/settings.md lists them"
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.server_settings) : can(regex("^HELIOGRAPH_[A-Z_]+$", name))])
    error_message = "Settings have names that start with HELIOGRAPH_."
  }

  validation {
    condition     = alltrue([for value in values(var.server_settings) : !strcontains(value, "\n")])
    error_message = "A setting is one line."
  }

  validation {
    condition     = !anytrue([for name in keys(var.server_settings) : endswith(name, "_SECRET")])
    error_message = "Secrets do not belong here, where the state and the user data would hold them: see turn_secret_parameter."
  }
}

variable "turn_secret_parameter" {
  description = "Name of an SSM parameter (SecureString, under the key that AWS manages) with the secret of the TURN servers, which the instance reads when the server starts"
  type        = string
  default     = null

  validation {
    condition     = var.turn_secret_parameter == null || can(regex("^/[A-Za-z0-9_./-]+$", var.turn_secret_parameter))
    error_message = "The name of the parameter starts with a slash."
  }
}

variable "signing_key_parameter" {
  description = "Name of an SSM parameter (as above) with the key that signs join tokens, a P-256 private key in PEM form: all nodes need the same"
  type        = string

  validation {
    condition     = can(regex("^/[A-Za-z0-9_./-]+$", var.signing_key_parameter))
    error_message = "The name of the parameter starts with a slash."
  }
}

# Rooms and identity

variable "data" {
  description = "Table and user pool that stand beside the server, as signaling-data puts them out; null to make them, with the inputs that follow"
  type = object({
    table_name     = string
    table_arn      = string
    owner_index    = string
    cognito_region = string
    user_pool_id   = string
    user_pool_arn  = string
    app_client_id  = string
  })
  default = null
}

variable "create_user_pool" {
  description = "Make a Cognito user pool and its client, rather than use one that exists"
  type        = bool
  default     = false
}

variable "cognito_region" {
  description = "Region of the user pool; null for the region of everything else"
  type        = string
  default     = null
}

variable "cognito_user_pool_id" {
  description = "Id of the user pool, unless create_user_pool"
  type        = string
  default     = null

  validation {
    condition     = var.data != null || var.create_user_pool || var.cognito_user_pool_id != null
    error_message = "Give the ids of a user pool and its client, or set create_user_pool."
  }
}

variable "cognito_app_client_id" {
  description = "Id of the pool's client, unless create_user_pool. The pool lets users sign themselves up; the client has no secret and allows ALLOW_USER_PASSWORD_AUTH"
  type        = string
  default     = null

  validation {
    condition     = var.data != null || var.create_user_pool || var.cognito_app_client_id != null
    error_message = "Give the ids of a user pool and its client, or set create_user_pool."
  }
}

# Network

variable "vpc_id" {
  description = "Network of the nodes, the load balancer and the bus"
  type        = string
}

variable "subnet_ids" {
  description = "Public subnets of that network, in two availability zones at least"
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "A cluster stands in two availability zones: give two subnets or more."
  }
}

variable "allowed_cidr_blocks" {
  description = "Addresses that may use the server. For everyone: [\"0.0.0.0/0\", \"::/0\"]"
  type        = list(string)

  validation {
    condition     = alltrue([for block in var.allowed_cidr_blocks : can(cidrhost(block, 0))])
    error_message = "Write addresses as blocks, such as 203.0.113.0/24 or 2001:db8::/32."
  }
}

variable "admin_cidr_blocks" {
  description = "Addresses that may use SSH, if there is a key_name. None: the port is shut"
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for block in var.admin_cidr_blocks : can(cidrhost(block, 0))])
    error_message = "Write addresses as blocks, such as 203.0.113.7/32."
  }

  validation {
    condition     = alltrue([for block in var.admin_cidr_blocks : !endswith(block, "/0")])
    error_message = "SSH is not for everyone: name the addresses that administer the instance."
  }
}

variable "http_port" {
  description = "First port of the server"
  type        = number
  default     = 8001

  validation {
    condition     = var.http_port >= 1024 && var.http_port <= 65535
    error_message = "The server has no privileges: its ports are 1024 to 65535."
  }
}

variable "websocket_port" {
  description = "Second port of the server. Each of the two serves HTTP and WebSockets"
  type        = number
  default     = 8080

  validation {
    condition     = var.websocket_port >= 1024 && var.websocket_port <= 65535
    error_message = "The server has no privileges: its ports are 1024 to 65535."
  }
}

variable "domain_name" {
  description = "Name of the cluster, such as signal.example.org"
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)+$", var.domain_name))
    error_message = "Write the bare name, in lower case: signal.example.org."
  }
}

variable "certificate_arn" {
  description = "Certificate for that name, from ACM in the same region"
  type        = string
}

variable "zone_id" {
  description = "Route 53 zone in which to make the record of domain_name. Null: make it yourself, from the output dns_target"
  type        = string
  default     = null
}

# The nodes

variable "min_nodes" {
  description = "How many nodes there are at least"
  type        = number
  default     = 2

  validation {
    condition     = var.min_nodes >= 2
    error_message = "One node is no cluster: use signaling-server, or two nodes."
  }
}

variable "max_nodes" {
  description = "How many nodes there are at most"
  type        = number
  default     = 6

  validation {
    condition     = var.max_nodes > var.min_nodes
    error_message = "A rolling replacement and growth both need room for one more node than there are at least."
  }
}

variable "connections_per_node" {
  description = "How many connections a node should have: with more the cluster grows, with fewer it shrinks. docs/scaling.md says what a node takes"
  type        = number
  default     = 20000

  validation {
    condition     = var.connections_per_node >= 100
    error_message = "A node takes thousands."
  }
}

variable "drain_timeout" {
  description = "Seconds that a node has, once it is to end, to hand its peers over to the others"
  type        = number
  default     = 60
}

variable "wait_for_capacity_timeout" {
  description = "How long Terraform waits at first for min_nodes instances; \"0\" for not at all"
  type        = string
  default     = "10m"
}

variable "instance_type" {
  description = "Type of the instance. Of a Graviton type (t4g and others) the image has to be for arm64"
  type        = string
  default     = "t3.small"
}

variable "ami_id" {
  description = "Image of the operating system; null for the newest Amazon Linux 2023 at the time when the instance is made"
  type        = string
  default     = null
}

variable "root_volume_size" {
  description = "Size of the disk, in GiB"
  type        = number
  default     = 16

  validation {
    condition     = var.root_volume_size >= 8
    error_message = "The operating system and the image need 8 GiB."
  }
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

# The bus

variable "bus_node_type" {
  description = "Node type of the Valkey on which the nodes meet"
  type        = string
  default     = "cache.t4g.small"
}

variable "bus_auth_parameter" {
  description = "Name of an SSM parameter (SecureString) with the password of the bus: 16 to 128 letters and digits. Terraform reads it to set it, so that its state holds it too"
  type        = string

  validation {
    condition     = can(regex("^/[A-Za-z0-9_./-]+$", var.bus_auth_parameter))
    error_message = "The name of the parameter starts with a slash."
  }
}

# The table

variable "point_in_time_recovery" {
  description = "Keep 35 days of the table's past, to restore it from"
  type        = bool
  default     = true
}

variable "deletion_protection" {
  description = "Refuse to delete the table, the user pool and the load balancer"
  type        = bool
  default     = false
}

# Watching

variable "log_retention_days" {
  description = "How long CloudWatch keeps the server's log"
  type        = number
  default     = 30
}

variable "enable_alarms" {
  description = "Make CloudWatch alarms"
  type        = bool
  default     = true
}

variable "alarm_actions" {
  description = "What an alarm triggers, and its end: ARNs, of SNS topics usually"
  type        = list(string)
  default     = []
}
