"""What an organization demands of whoever enters."""
