# The table and the user pool.

mock_provider "aws" {
  source = "../../mocks/aws"
}

variables {
  name             = "heliograph-test"
  create_user_pool = true
}

run "the_table_is_what_the_server_expects" {
  assert {
    condition     = aws_dynamodb_table.rooms.hash_key == "room_id" && aws_dynamodb_table.rooms.range_key == null
    error_message = "A room is found by its id"
  }

  assert {
    condition     = one(aws_dynamodb_table.rooms.ttl).enabled && one(aws_dynamodb_table.rooms.ttl).attribute_name == "delete_after"
    error_message = "DynamoDB removes expired rooms"
  }

  assert {
    condition     = one(aws_dynamodb_table.rooms.point_in_time_recovery).enabled
    error_message = "The table can be restored"
  }

  assert {
    condition = (
      one(aws_dynamodb_table.rooms.global_secondary_index).name == "rooms-by-owner" &&
      one(aws_dynamodb_table.rooms.global_secondary_index).hash_key == "owner_key" &&
      one(aws_dynamodb_table.rooms.global_secondary_index).range_key == "owner_position"
    )
    error_message = "An owner's rooms are found by an index"
  }
}

run "data_that_cannot_be_made_again_is_protected_when_asked_for" {
  variables {
    deletion_protection = true
  }

  assert {
    condition     = aws_dynamodb_table.rooms.deletion_protection_enabled && one(aws_cognito_user_pool.this).deletion_protection == "ACTIVE"
    error_message = "Table and user pool"
  }
}

run "users_sign_themselves_up" {
  assert {
    condition     = !one(one(aws_cognito_user_pool.this).admin_create_user_config).allow_admin_create_user_only
    error_message = "The server signs its anonymous users up"
  }

  assert {
    condition     = contains(one(aws_cognito_user_pool_client.this).explicit_auth_flows, "ALLOW_USER_PASSWORD_AUTH") && !one(aws_cognito_user_pool_client.this).generate_secret
    error_message = "The client is the one that the server can use"
  }

  assert {
    condition = output.data == {
      table_name     = "heliograph-test-rooms"
      table_arn      = "arn:aws:dynamodb:eu-central-1:123456789012:table/heliograph-test-rooms"
      owner_index    = "rooms-by-owner"
      cognito_region = "eu-central-1"
      user_pool_id   = "eu-central-1_madeByUs"
      user_pool_arn  = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_madeByUs"
      app_client_id  = "clientmadebyus"
    }
    error_message = "All that a server needs to know"
  }
}

run "a_pool_that_exists_is_left_alone" {
  variables {
    create_user_pool      = false
    cognito_region        = "us-east-1"
    cognito_user_pool_id  = "us-east-1_theirs"
    cognito_app_client_id = "theirclient"
  }

  assert {
    condition     = length(aws_cognito_user_pool.this) == 0 && output.data.user_pool_arn == "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_theirs"
    error_message = "No pool beside the one that there is, which may be in another region"
  }
}

run "a_pool_that_is_not_named" {
  command = plan

  variables {
    create_user_pool = false
  }

  expect_failures = [var.cognito_user_pool_id, var.cognito_app_client_id]
}
