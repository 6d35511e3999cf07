"""Everything of a tenant, as a file to take away before it is deleted."""
