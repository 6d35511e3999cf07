"""How the platform and each tenant are, were, and who is told: checks, incidents, maintenance, subscriptions."""
