# Who users are: a Cognito user pool of our own, or one that exists.

locals {
  cognito_region = var.cognito_region != null && !var.create_user_pool ? var.cognito_region : data.aws_region.current.name
  user_pool_id   = var.create_user_pool ? one(aws_cognito_user_pool.this[*].id) : var.cognito_user_pool_id
  user_pool_arn  = "arn:${data.aws_partition.current.partition}:cognito-idp:${local.cognito_region}:${data.aws_caller_identity.current.account_id}:userpool/${local.user_pool_id}"
  app_client_id  = var.create_user_pool ? one(aws_cognito_user_pool_client.this[*].id) : var.cognito_app_client_id
}

resource "aws_cognito_user_pool" "this" {
  count = var.create_user_pool ? 1 : 0

  name                = var.name
  user_pool_tier      = "LITE" # the other tiers cost more for each user, and add nothing that the server uses
  deletion_protection = var.deletion_protection ? "ACTIVE" : "INACTIVE"
  tags                = var.tags

  # For each anonymous sign-in the server signs a user up, with a password that it tells nobody, and removes it later.
  admin_create_user_config {
    allow_admin_create_user_only = false
  }

  password_policy {
    minimum_length                   = 20
    require_lowercase                = true
    require_uppercase                = true
    require_numbers                  = true
    require_symbols                  = false
    temporary_password_validity_days = 1
  }
}

resource "aws_cognito_user_pool_client" "this" {
  count = var.create_user_pool ? 1 : 0

  name                          = "${var.name}-server"
  user_pool_id                  = aws_cognito_user_pool.this[0].id
  generate_secret               = false
  explicit_auth_flows           = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
  prevent_user_existence_errors = "ENABLED"
  enable_token_revocation       = true
  id_token_validity             = 24
  access_token_validity         = 1
  refresh_token_validity        = 2 # longer than the id token's, as Cognito wants it; nobody uses it

  token_validity_units {
    id_token      = "hours"
    access_token  = "hours"
    refresh_token = "days"
  }
}
