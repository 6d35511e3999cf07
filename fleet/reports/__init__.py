"""Reports that an MSP makes of its clients, and an organization of itself: figures of a week or month, from rows."""
