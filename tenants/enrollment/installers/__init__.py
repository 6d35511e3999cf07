"""How machines are brought in: files for each system, the steps to run them, and a short link to both."""
