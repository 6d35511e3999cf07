# One cell's resources beside the Worker itself, which `make deploy` uploads. No queue: nothing of the edge uses one.
locals {
  jurisdiction = var.jurisdiction == "" ? null : var.jurisdiction
}

# The registry across tenants and the feed of changes. Losing it costs a rebuild from the tenant objects.
resource "cloudflare_d1_database" "meta" {
  account_id   = var.account_id
  name         = "wazuh-meta-${var.cell}"
  jurisdiction = local.jurisdiction

  read_replication = {
    mode = "disabled"
  }

  lifecycle {
    prevent_destroy = true
  }
}

# The plans, for readers far away; a copy, written by the tenant objects only.
resource "cloudflare_workers_kv_namespace" "plans" {
  account_id   = var.account_id
  title        = "wazuh-cluster-config-${var.cell}"
  jurisdiction = local.jurisdiction
}

# Sealed events, journals and archives.
resource "cloudflare_r2_bucket" "archive" {
  account_id    = var.account_id
  name          = "wazuh-archive-${var.cell}"
  jurisdiction  = local.jurisdiction
  storage_class = "Standard"

  lifecycle {
    prevent_destroy = true
  }
}

# Nothing is deleted by age here: each tenant's retention is its own, and the edge removes what is past it.
resource "cloudflare_r2_bucket_lifecycle" "archive" {
  account_id   = var.account_id
  bucket_name  = cloudflare_r2_bucket.archive.name
  jurisdiction = local.jurisdiction

  rules = [
    {
      id      = "unfinished uploads"
      enabled = true

      conditions = {
        prefix = ""
      }

      abort_multipart_uploads_transition = {
        condition = {
          type    = "Age"
          max_age = 86400
        }
      }
    },
    {
      id      = "old archives are read seldom"
      enabled = true

      conditions = {
        prefix = ""
      }

      storage_class_transitions = [
        {
          storage_class = "InfrequentAccess"

          condition = {
            type    = "Age"
            max_age = var.archive_infrequent_after_days * 86400
          }
        },
      ]
    },
  ]
}
