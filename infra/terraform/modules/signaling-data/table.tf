# Where rooms are kept. The names of its attributes and index are those of the server's rooms/dynamodb.py.

locals {
  owner_index = "rooms-by-owner"
}

resource "aws_dynamodb_table" "rooms" {
  #checkov:skip=CKV_AWS_119:Encrypted with a key of DynamoDB, at no cost for each request
  name                        = "${var.name}-rooms"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "room_id"
  deletion_protection_enabled = var.deletion_protection
  tags                        = var.tags

  attribute {
    name = "room_id"
    type = "S"
  }

  attribute {
    name = "owner_key"
    type = "S"
  }

  attribute {
    name = "owner_position"
    type = "S"
  }

  global_secondary_index {
    name            = local.owner_index
    hash_key        = "owner_key"
    range_key       = "owner_position"
    projection_type = "ALL"
  }

  ttl {
    attribute_name = "delete_after"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }
}
