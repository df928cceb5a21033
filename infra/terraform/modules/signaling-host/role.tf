# What an instance may do: what the server calls, on what belongs to it, and nothing else.

locals {
  # An image that names an ECR repository: account, region, repository.
  ecr = try(regex("^(\\d{12})[.]dkr[.]ecr[.]([a-z0-9-]+)[.]amazonaws[.]com(?:[.]cn)?/([^:@]+)", var.docker_image), null)

  parameters = compact([var.turn_secret_parameter, var.signing_key_parameter, var.bus == null ? null : var.bus.auth_parameter])

  statements = concat(
    [
      {
        Sid    = "Rooms"
        Effect = "Allow"
        Action = [
          "dynamodb:DeleteItem",
          "dynamodb:DescribeTable",
          "dynamodb:DescribeTimeToLive",
          "dynamodb:GetItem",
          "dynamodb:PutItem",
          "dynamodb:UpdateItem",
        ]
        Resource = [var.data.table_arn]
      },
      {
        Sid      = "RoomsOfAnOwner"
        Effect   = "Allow"
        Action   = ["dynamodb:Query"]
        Resource = ["${var.data.table_arn}/index/${var.data.owner_index}"]
      },
      {
        Sid    = "Users"
        Effect = "Allow"
        Action = [
          "cognito-idp:AdminConfirmSignUp",
          "cognito-idp:AdminDeleteUser",
          "cognito-idp:AdminGetUser",
          "cognito-idp:AdminSetUserPassword",
          "cognito-idp:ListUsers",
        ]
        Resource = [var.data.user_pool_arn]
      },
      {
        Sid      = "Log"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${var.log_group.arn}:*"]
      },
    ],
    local.ecr == null ? [] : [
      {
        Sid      = "RegistryLogin"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"] # this action knows no resources
      },
      {
        Sid      = "Image"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = ["arn:${local.partition}:ecr:${local.ecr[1]}:${local.ecr[0]}:repository/${local.ecr[2]}"]
      },
    ],
    length(local.parameters) == 0 ? [] : [
      {
        Sid      = "Secrets"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter"]
        Resource = [for name in local.parameters : "arn:${local.partition}:ssm:${local.region}:${local.account_id}:parameter${name}"]
      },
    ],
    var.enable_session_manager ? [
      {
        Sid    = "SessionManager"
        Effect = "Allow"
        Action = [
          "ssm:UpdateInstanceInformation",
          "ssmmessages:CreateControlChannel",
          "ssmmessages:CreateDataChannel",
          "ssmmessages:OpenControlChannel",
          "ssmmessages:OpenDataChannel",
        ]
        Resource = ["*"] # these actions know no resources that exist before the instance does
      },
    ] : [],
  )

  # Apart from the others, because only this one has a condition.
  health_statement = {
    Sid       = "Health"
    Effect    = "Allow"
    Action    = ["cloudwatch:PutMetricData"]
    Resource  = ["*"] # this action knows no resources, but a condition
    Condition = { StringEquals = { "cloudwatch:namespace" = var.metric_namespace } }
  }
}

resource "aws_iam_role" "this" {
  name_prefix = "${var.name}-"
  description = "An instance that runs the signaling server"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole"]
      Principal = { Service = ["ec2.amazonaws.com"] }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "signaling-server"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.statements, var.metric_namespace != null ? [local.health_statement] : [])
  })
}

resource "aws_iam_instance_profile" "this" {
  name_prefix = "${var.name}-"
  role        = aws_iam_role.this.name
  tags        = var.tags
}
