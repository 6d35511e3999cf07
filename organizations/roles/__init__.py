"""Roles, the five of everybody and those of an organization's own: what there is, and its pages and API."""
