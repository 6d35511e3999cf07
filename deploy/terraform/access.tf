# Operators show an Access JWT for named actions with a reason. Tenants' people never pass here: their sign-in ends in the
# portal, and Access takes too few applications for one a tenant.
resource "cloudflare_zero_trust_access_policy" "operators" {
  count = length(var.operators) > 0 ? 1 : 0

  account_id = var.account_id
  name       = "Operators of cell ${var.cell}"
  decision   = "allow"

  include = [for address in sort(var.operators) : {
    email = {
      email = address
    }
  }]

  lifecycle {
    create_before_destroy = true
  }
}

resource "cloudflare_zero_trust_access_application" "operators" {
  count = length(var.operators) > 0 ? 1 : 0

  account_id       = var.account_id
  name             = "Edge operators of cell ${var.cell}"
  type             = "self_hosted"
  domain           = "${var.edge_host}/operators"
  session_duration = "1h"

  policies = [
    {
      id         = cloudflare_zero_trust_access_policy.operators[0].id
      precedence = 1
    },
  ]
}
