"""Agents as people work with them: found across tenants, looked at one by one, changed, moved."""
