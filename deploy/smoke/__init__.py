"""Asks a running deployment what nobody has confirmed yet. Never run on an account."""
