"""What the edge signs about a tenant: how it is kept apart, and what was erased of it."""
