"""What billing refuses."""

from controlplane.problems import Conflict


class QuotaExceeded(Conflict):
    """The plan's number of tenants is used up."""

    def __init__(self, plan: str, max_tenants: int) -> None:
        tenants = "1 tenant" if max_tenants == 1 else f"{max_tenants} tenants"
        super().__init__(
            f"The {plan} plan holds {tenants} and all are in use. Nothing was created.",
            code="QUOTA_EXCEEDED",
            hint="Delete a tenant that is no longer needed, or change to a larger plan.",
        )


class PlanTooSmall(Conflict):
    """The organization has more tenants than the plan that it asks for."""

    def __init__(self, plan: str, max_tenants: int) -> None:
        super().__init__(
            f"The {plan} plan holds {max_tenants} and more are in use. Your plan was kept.",
            code="PLAN_TOO_SMALL",
            hint="Delete tenants that are no longer needed, or choose a larger plan.",
        )


class Suspended(Conflict):
    """The organization's subscription is suspended, so that nothing new starts."""

    def __init__(self) -> None:
        super().__init__(
            "The subscription of this organization is suspended. Nothing was started.",
            code="SUBSCRIPTION_SUSPENDED",
            hint="Settle the subscription; stopped tenants then start by themselves.",
        )
