"""Who belongs to an organization, and who is about to: pages and API."""
