"""The typed name: what can't be undone is asked for on purpose only."""

import hmac

from controlplane.problems import Invalid
from tenants.provisioning.models import Tenant


def require_name(tenant: Tenant, typed: str, words: str) -> None:
    """Raise Invalid unless the tenant's own name was typed. Args: words: what for, and what was not done."""
    if not hmac.compare_digest(typed.strip().encode(), tenant.name.encode()):
        raise Invalid(f"Type the tenant's name {words}", field="confirm_name")
