"""What keeps a tenant from harm: deletion on purpose only."""
