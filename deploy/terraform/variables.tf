variable "account_id" {
  description = "Cloudflare account of this cell"
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{32}$", var.account_id))
    error_message = "The account id is 32 characters of lower-case hex."
  }
}

variable "cell" {
  description = "The cell's id; it begins every tenant id of the cell and never changes"
  type        = string

  validation {
    condition     = can(regex("^[a-z2-7]{2}$", var.cell))
    error_message = "A cell's id is two characters of a-z and 2-7."
  }
}

variable "jurisdiction" {
  description = "Where archive, registry and plans are kept: eu, or empty for anywhere. Cannot be changed later"
  type        = string
  default     = ""

  validation {
    condition     = contains(["", "eu"], var.jurisdiction)
    error_message = "The jurisdiction is eu or empty."
  }
}

variable "edge_zone_id" {
  description = "Zone that the API host lies in"
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{32}$", var.edge_zone_id))
    error_message = "A zone id is 32 characters of lower-case hex."
  }
}

variable "edge_host" {
  description = "Host of the API and of the agents, such as edge.example.com"
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.edge_host))
    error_message = "The API host is a host name without scheme and path."
  }
}

variable "dashboards_zone_id" {
  description = "Zone of the dashboards: one of its own, apart from the portal's and the API's"
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{32}$", var.dashboards_zone_id))
    error_message = "A zone id is 32 characters of lower-case hex."
  }
}

variable "dashboards_host" {
  description = "Host behind <tenant>. of every dashboard. The zone itself, where its certificate shall cover one label more"
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.dashboards_host))
    error_message = "The dashboards' host is a host name without scheme and path."
  }

  validation {
    condition     = !endswith(".${var.edge_host}", ".${var.dashboards_host}")
    error_message = "The API host must not lie below the dashboards' host: pages there would share its site."
  }
}

variable "operators" {
  description = "E-mail addresses of the people who may pass Access; none makes no Access application"
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.operators : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "Each operator is named by an e-mail address."
  }
}

variable "archive_infrequent_after_days" {
  description = "Days after which sealed archives move to the cheaper storage class"
  type        = number
  default     = 30

  validation {
    condition     = var.archive_infrequent_after_days >= 1 && floor(var.archive_infrequent_after_days) == var.archive_infrequent_after_days
    error_message = "A whole number of days, at least 1."
  }
}
