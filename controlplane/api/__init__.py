"""The REST API's shell: what every door of every room does the same way."""
