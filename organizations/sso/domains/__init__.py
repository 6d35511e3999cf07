"""Domains that organizations proved by DNS: the claim, the look-up, and what a proof is good for."""
