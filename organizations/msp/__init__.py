"""A service provider and its clients: who reaches which, where they work, and pages and API of both sides."""
