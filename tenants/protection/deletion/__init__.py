"""Deletion on purpose only: the recycle bin, erasure, and giving up what failed."""
