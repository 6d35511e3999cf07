"""Metering: what tenants used, hour by hour, as the edge tells it."""
