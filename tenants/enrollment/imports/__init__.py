"""Agents that exist already, taken over with number and key from another manager's client.keys."""
