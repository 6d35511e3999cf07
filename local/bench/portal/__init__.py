"""The portal as production runs it, on a database of 100,000 tenants, and what it is held against."""
