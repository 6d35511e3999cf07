"""Production: `python -m deploy FILE` brings up one cell; `python -m deploy.smoke` asks what an account shows."""
