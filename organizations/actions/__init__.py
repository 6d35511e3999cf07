"""What people do here, one file a journey. Keyword-only, with `by=`, one transaction each, audited inside it."""

from typing import Any

UNCHANGED: Any = object()
"""What an action is given for a value that stays as it is, where None is a value."""
