# The instance, and the address that stays when the instance is replaced.

data "aws_region" "current" {}

data "aws_partition" "current" {}

data "aws_ec2_instance_type" "this" {
  instance_type = var.instance_type
}

data "aws_ssm_parameter" "ami" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${data.aws_ec2_instance_type.this.supported_architectures[0]}"
}

locals {
  name      = "${var.name}-${var.environment}"
  region    = data.aws_region.current.name
  partition = data.aws_partition.current.partition

  tags = merge(var.tags, { Environment = var.environment })
  data = var.data == null ? one(module.data[*].data) : var.data
}

# The rooms and the users: our own, or those that stand beside.
module "data" {
  source = "../signaling-data"
  count  = var.data == null ? 1 : 0

  name                   = local.name
  tags                   = local.tags
  create_user_pool       = var.create_user_pool
  cognito_region         = var.cognito_region
  cognito_user_pool_id   = var.cognito_user_pool_id
  cognito_app_client_id  = var.cognito_app_client_id
  point_in_time_recovery = var.point_in_time_recovery
  deletion_protection    = var.deletion_protection
}

module "host" {
  source = "../signaling-host"

  name                   = local.name
  tags                   = local.tags
  docker_image           = var.docker_image
  server_settings        = var.server_settings
  data                   = local.data
  log_group              = { name = aws_cloudwatch_log_group.this.name, arn = aws_cloudwatch_log_group.this.arn }
  http_port              = var.http_port
  websocket_port         = var.websocket_port
  trusted_proxies        = local.tls_on_instance ? ["127.0.0.1/32"] : local.tls_in_front ? data.aws_vpc.this.cidr_block_associations[*].cidr_block : []
  turn_secret_parameter  = var.turn_secret_parameter
  signing_key_parameter  = var.signing_key_parameter
  metric_namespace       = var.enable_alarms ? local.metric_namespace : null
  enable_session_manager = var.enable_session_manager

  caddy = local.tls_on_instance ? {
    image       = var.caddy_image
    domain_name = var.domain_name
    acme_email  = var.acme_email
  } : null
}

resource "aws_instance" "this" {
  #checkov:skip=CKV_AWS_126:Metrics every five minutes are free and do for the one alarm that reads them; the health report comes each minute
  ami                         = var.ami_id != null ? var.ami_id : data.aws_ssm_parameter.ami.insecure_value
  instance_type               = var.instance_type
  subnet_id                   = var.subnet_ids[0]
  vpc_security_group_ids      = [aws_security_group.instance.id]
  iam_instance_profile        = module.host.instance_profile.name
  key_name                    = var.key_name
  user_data                   = module.host.user_data
  user_data_replace_on_change = true
  disable_api_termination     = var.deletion_protection
  ebs_optimized               = contains(["supported", "default"], data.aws_ec2_instance_type.this.ebs_optimized_support)

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
    # The container shares the network of its host, so that one hop is enough.
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_size = var.root_volume_size
    volume_type = "gp3"
    encrypted   = true
    tags        = merge(local.tags, { Name = local.name })
  }

  tags = merge(local.tags, { Name = local.name })

  lifecycle {
    create_before_destroy = true
    # A newer operating system comes with the next replacement, not with whatever is applied next.
    ignore_changes = [ami]
  }

  # The server fetches its image from its first second on.
  depends_on = [aws_vpc_security_group_egress_rule.https]
}

resource "aws_eip" "this" {
  domain = "vpc"
  tags   = merge(local.tags, { Name = local.name })
}

resource "aws_eip_association" "this" {
  allocation_id       = aws_eip.this.allocation_id
  instance_id         = aws_instance.this.id
  allow_reassociation = true

  lifecycle {
    create_before_destroy = true
  }
}
