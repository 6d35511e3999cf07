"""What people do here, one file a journey. Keyword-only, with `by=`, one transaction each, audited inside it."""
