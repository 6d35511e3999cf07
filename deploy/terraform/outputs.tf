# What `make deploy` reads: the `resources` of a deployment file.
output "resources" {
  value = {
    d1_name = cloudflare_d1_database.meta.name
    d1_id   = cloudflare_d1_database.meta.id
    kv_id   = cloudflare_workers_kv_namespace.plans.id
    r2_name = cloudflare_r2_bucket.archive.name
  }
}

output "access_audience" {
  description = "The audience of the operators' Access JWT; null without operators"
  value       = one(cloudflare_zero_trust_access_application.operators[*].aud)
}
