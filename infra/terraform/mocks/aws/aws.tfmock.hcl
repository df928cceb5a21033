# What the AWS provider would find and make, for tests that speak to no AWS.

mock_data "aws_region" {
  defaults = { name = "eu-central-1", id = "eu-central-1" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws" }
}

mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}

mock_data "aws_ec2_instance_type" {
  defaults = { supported_architectures = ["x86_64"], ebs_optimized_support = "default" }
}

mock_data "aws_ec2_instance_type_offerings" {
  defaults = { locations = ["eu-central-1a", "eu-central-1b"] }
}

mock_data "aws_ssm_parameter" {
  defaults = { insecure_value = "ami-0123456789abcdef0", value = "OpenSesameOpenSesame" }
}

mock_data "aws_vpc" {
  defaults = {
    id                      = "vpc-0123456789abcdef0"
    cidr_block_associations = [{ association_id = "a", cidr_block = "10.7.0.0/16", state = "associated" }]
  }
}

mock_data "aws_subnets" {
  defaults = { ids = ["subnet-b", "subnet-a"] }
}

mock_resource "aws_eip" {
  defaults = { public_ip = "198.51.100.7", allocation_id = "eipalloc-0123456789abcdef0" }
}

mock_resource "aws_dynamodb_table" {
  defaults = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/heliograph-test-rooms" }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/heliograph/heliograph-test" }
}

mock_resource "aws_cognito_user_pool" {
  defaults = { id = "eu-central-1_madeByUs" }
}

mock_resource "aws_cognito_user_pool_client" {
  defaults = { id = "clientmadebyus" }
}

mock_resource "aws_lb" {
  defaults = {
    arn      = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/heliograph-test/0123456789abcdef"
    dns_name = "heliograph-test-1.eu-central-1.elb.amazonaws.com"
  }
}

mock_resource "aws_lb_target_group" {
  defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/heliograph-test/0123456789abcdef" }
}

mock_resource "aws_lb_listener" {
  defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/heliograph-test/0123456789abcdef/0123456789abcdef" }
}

mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:heliograph-production-alarms" }
}

mock_resource "aws_iam_instance_profile" {
  defaults = { arn = "arn:aws:iam::123456789012:instance-profile/heliograph-test" }
}

mock_resource "aws_launch_template" {
  defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
}

mock_resource "aws_elasticache_replication_group" {
  defaults = { primary_endpoint_address = "master.heliograph-test.abcdef.euc1.cache.amazonaws.com" }
}
