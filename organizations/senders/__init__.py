"""In whose name an organization's mails go out: its name, where answers go, and an address of a domain of its own."""
