"""The tenant's life: cells, tenants, operations, the reconciler and the only client of the edge."""
