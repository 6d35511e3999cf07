"""The inbox of alerts: what of all tenants' event streams somebody should look at."""
