"""People's own accounts: passwords, passkeys, second factors, mailed codes and sessions."""
