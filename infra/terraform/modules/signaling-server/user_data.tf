# What the instance does at its first boot: write a few files, and start what they describe.

locals {
  # The settings of the server, as variables of its environment.
  server_environment = merge(
    {
      AWS_DEFAULT_REGION    = local.region
      COGNITO_REGION        = local.cognito_region
      COGNITO_USER_POOL_ID  = local.user_pool_id
      COGNITO_APP_CLIENT_ID = local.app_client_id

      HELIOGRAPH_IDENTITY    = "cognito"
      HELIOGRAPH_ROOMS       = "dynamodb"
      HELIOGRAPH_ROOMS_TABLE = aws_dynamodb_table.rooms.name
      HELIOGRAPH_HOST        = local.tls_on_instance ? "127.0.0.1" : "0.0.0.0"
      HELIOGRAPH_HTTP_PORT   = tostring(var.http_port)
      HELIOGRAPH_WS_PORT     = tostring(var.websocket_port)
      HELIOGRAPH_LOG_FORMAT  = "json"
    },
    local.tls_on_instance ? { HELIOGRAPH_TRUSTED_PROXIES = "127.0.0.1/32" } : {},
    local.tls_in_front ? { HELIOGRAPH_TRUSTED_PROXIES = join(",", data.aws_vpc.this.cidr_block_associations[*].cidr_block) } : {},
    var.server_settings,
  )

  template_values = {
    image                 = var.docker_image
    registry              = local.ecr == null ? "" : split("/", var.docker_image)[0]
    registry_region       = local.ecr == null ? "" : local.ecr[1]
    region                = local.region
    http_port             = var.http_port
    log_group             = aws_cloudwatch_log_group.this.name
    turn_secret_parameter = var.turn_secret_parameter == null ? "" : var.turn_secret_parameter
    signing_key_parameter = var.signing_key_parameter == null ? "" : var.signing_key_parameter
    metric_namespace      = var.enable_alarms ? local.metric_namespace : ""
    deployment            = local.name
    data                  = "/var/lib/heliograph"
    caddy_image           = var.caddy_image
    domain_name           = var.domain_name == null ? "" : var.domain_name
    acme_email            = var.acme_email == null ? "" : var.acme_email
  }

  files = merge(
    {
      "/etc/heliograph/server.env" = {
        permissions = "0600"
        content     = join("", [for name, value in local.server_environment : "${name}=${value}\n"])
      }
      "/etc/systemd/system/heliograph.service" = {
        permissions = "0644"
        content     = templatefile("${path.module}/templates/heliograph.service.tftpl", local.template_values)
      }
      "/etc/systemd/system/heliograph-health.service" = {
        permissions = "0644"
        content     = templatefile("${path.module}/templates/heliograph-health.service.tftpl", local.template_values)
      }
      "/usr/local/bin/heliograph-prepare" = {
        permissions = "0755"
        content     = templatefile("${path.module}/templates/heliograph-prepare.sh.tftpl", local.template_values)
      }
      "/usr/local/bin/heliograph-health" = {
        permissions = "0755"
        content     = templatefile("${path.module}/templates/heliograph-health.sh.tftpl", local.template_values)
      }
      "/usr/local/bin/heliograph-install" = {
        permissions = "0755"
        content     = templatefile("${path.module}/templates/heliograph-install.sh.tftpl", local.template_values)
      }
    },
    local.tls_on_instance ? {
      "/etc/heliograph/Caddyfile" = {
        permissions = "0644"
        content     = templatefile("${path.module}/templates/Caddyfile.tftpl", local.template_values)
      }
      "/etc/systemd/system/heliograph-caddy.service" = {
        permissions = "0644"
        content     = templatefile("${path.module}/templates/heliograph-caddy.service.tftpl", local.template_values)
      }
    } : {},
  )

  services = concat(["heliograph", "heliograph-health"], local.tls_on_instance ? ["heliograph-caddy"] : [])

  # JSON is YAML, and quotes everything.
  user_data = join("\n", ["#cloud-config", jsonencode({
    write_files = [for path, file in local.files : merge(file, { path = path, owner = "root:root" })]
    runcmd      = [concat(["/usr/local/bin/heliograph-install"], local.services)]
  }), ""])
}
