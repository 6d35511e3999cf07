"""Measures the edge against references on this machine, in one run: `make bench`."""
