output "data" {
  description = "All of it, as the modules of the servers take it"
  value = {
    table_name     = aws_dynamodb_table.rooms.name
    table_arn      = aws_dynamodb_table.rooms.arn
    owner_index    = local.owner_index
    cognito_region = local.cognito_region
    user_pool_id   = local.user_pool_id
    user_pool_arn  = local.user_pool_arn
    app_client_id  = local.app_client_id
  }
}
