# The instance, and the address that stays when the instance is replaced.

data "aws_region" "current" {}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

data "aws_ec2_instance_type" "this" {
  instance_type = var.instance_type
}

data "aws_ssm_parameter" "ami" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${data.aws_ec2_instance_type.this.supported_architectures[0]}"
}

locals {
  name       = "${var.name}-${var.environment}"
  region     = data.aws_region.current.name
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  tags = merge(var.tags, { Environment = var.environment })
}

resource "aws_instance" "this" {
  #checkov:skip=CKV_AWS_126:Metrics every five minutes are free and do for the one alarm that reads them; the health report comes each minute
  ami                         = var.ami_id != null ? var.ami_id : data.aws_ssm_parameter.ami.insecure_value
  instance_type               = var.instance_type
  subnet_id                   = var.subnet_ids[0]
  vpc_security_group_ids      = [aws_security_group.instance.id]
  iam_instance_profile        = aws_iam_instance_profile.this.name
  key_name                    = var.key_name
  user_data                   = local.user_data
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

  # The server writes its log, and reads what it needs, from its first second on.
  depends_on = [aws_iam_role_policy.this, aws_cloudwatch_log_group.this, aws_vpc_security_group_egress_rule.https]
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
