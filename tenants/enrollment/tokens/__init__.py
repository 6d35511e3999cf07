"""Enrollment tokens: made, renamed, rotated, revoked, and what they let in."""
