"""The tenants of an MSP's clients in one list: narrowed, sorted, kept as views, and worked on together."""
