# What an instance does at its first boot: write a few files, and start what they describe.

locals {
  # The settings of the server, as variables of its environment.
  server_environment = merge(
    {
      AWS_DEFAULT_REGION    = local.region
      COGNITO_REGION        = var.data.cognito_region
      COGNITO_USER_POOL_ID  = var.data.user_pool_id
      COGNITO_APP_CLIENT_ID = var.data.app_client_id

      HELIOGRAPH_IDENTITY    = "cognito"
      HELIOGRAPH_ROOMS       = "dynamodb"
      HELIOGRAPH_ROOMS_TABLE = var.data.table_name
      HELIOGRAPH_HOST        = var.caddy == null ? "0.0.0.0" : "127.0.0.1"
      HELIOGRAPH_HTTP_PORT   = tostring(var.http_port)
      HELIOGRAPH_WS_PORT     = tostring(var.websocket_port)
      HELIOGRAPH_LOG_FORMAT  = "json"
    },
    length(var.trusted_proxies) == 0 ? {} : { HELIOGRAPH_TRUSTED_PROXIES = join(",", var.trusted_proxies) },
    var.server_settings,
  )

  template_values = {
    image                 = var.docker_image
    registry              = local.ecr == null ? "" : split("/", var.docker_image)[0]
    registry_region       = local.ecr == null ? "" : local.ecr[1]
    region                = local.region
    http_port             = var.http_port
    log_group             = var.log_group.name
    turn_secret_parameter = var.turn_secret_parameter == null ? "" : var.turn_secret_parameter
    signing_key_parameter = var.signing_key_parameter == null ? "" : var.signing_key_parameter
    bus_auth_parameter    = var.bus == null ? "" : var.bus.auth_parameter
    bus_address           = var.bus == null ? "" : var.bus.address
    metric_namespace      = var.metric_namespace == null ? "" : var.metric_namespace
    deployment            = var.name
    stop_timeout          = var.stop_timeout
    data                  = "/var/lib/heliograph"
    caddy_image           = var.caddy == null ? "" : var.caddy.image
    domain_name           = var.caddy == null ? "" : var.caddy.domain_name
    acme_email            = try(var.caddy.acme_email, null) == null ? "" : var.caddy.acme_email
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
    var.caddy != null ? {
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

  services = concat(["heliograph", "heliograph-health"], var.caddy != null ? ["heliograph-caddy"] : [])

  # JSON is YAML, and quotes everything.
  user_data = join("\n", ["#cloud-config", jsonencode({
    write_files = [for path, file in local.files : merge(file, { path = path, owner = "root:root" })]
    runcmd      = [concat(["/usr/local/bin/heliograph-install"], local.services)]
  }), ""])
}
