"""Short-lived credentials for dashboards and event streams, and their revocation."""
