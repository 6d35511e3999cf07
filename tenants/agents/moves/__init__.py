"""Moving agents from one tenant to another, with one token and a grace period."""
