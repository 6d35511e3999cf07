terraform {
  required_version = ">= 1.6"

  required_providers {
    cloudflare = {
      source  = "cloudflare/cloudflare"
      version = "~> 5.19"
    }
  }

  # State holds ids of everything: keep it in a backend of your own (`terraform init -backend-config=…`), never here.
}

# The token comes from CLOUDFLARE_API_TOKEN.
provider "cloudflare" {}
