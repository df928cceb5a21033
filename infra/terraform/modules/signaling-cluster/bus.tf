# The bus: a Valkey with a replica in another zone, which takes over when the first fails.

locals {
  bus_port = 6379
}

data "aws_ssm_parameter" "bus_auth" {
  name            = var.bus_auth_parameter
  with_decryption = true
}

resource "aws_elasticache_subnet_group" "this" {
  name       = local.name
  subnet_ids = var.subnet_ids
  tags       = local.tags
}

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV_AWS_191:Encrypted with a key of ElastiCache; what is in it lives for minutes
  replication_group_id       = local.name
  description                = "Where the nodes of ${local.name} meet"
  engine                     = "valkey"
  engine_version             = "8.0"
  node_type                  = var.bus_node_type
  num_cache_clusters         = 2
  automatic_failover_enabled = true
  multi_az_enabled           = true
  port                       = local.bus_port
  parameter_group_name       = "default.valkey8"
  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [aws_security_group.bus.id]
  at_rest_encryption_enabled = true
  transit_encryption_enabled = true
  auth_token                 = data.aws_ssm_parameter.bus_auth.value
  auth_token_update_strategy = "ROTATE"
  auto_minor_version_upgrade = true
  snapshot_retention_limit   = 0 # presence is of now: nothing in it is worth restoring
  apply_immediately          = true
  tags                       = local.tags
}
