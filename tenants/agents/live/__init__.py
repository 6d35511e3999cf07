"""Agents of many tenants as they are at this moment: every tenant object is asked, and nothing is kept."""
