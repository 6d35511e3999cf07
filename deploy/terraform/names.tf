# Names lead to Cloudflare, where the Worker's routes take the requests: the address behind them is never reached.
locals {
  nowhere = "100::"
}

resource "cloudflare_dns_record" "edge" {
  zone_id = var.edge_zone_id
  name    = var.edge_host
  type    = "AAAA"
  content = local.nowhere
  ttl     = 1
  proxied = true
  comment = "API and agents of cell ${var.cell}"
}

resource "cloudflare_dns_record" "dashboards" {
  zone_id = var.dashboards_zone_id
  name    = "*.${var.dashboards_host}"
  type    = "AAAA"
  content = local.nowhere
  ttl     = 1
  proxied = true
  comment = "Dashboards of cell ${var.cell}, a host for each tenant"
}
