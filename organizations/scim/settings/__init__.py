"""Pages and API by which an organization lets a directory provision."""
