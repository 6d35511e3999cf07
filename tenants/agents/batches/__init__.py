"""Orders about agents of several tenants at once: each tenant's own order, kept together."""
