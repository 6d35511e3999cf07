"""What the organization subscribes to: two plans of its own have several nodes of a role."""

from dataclasses import dataclass
from pathlib import Path

from local.stack.handle import StackHandle

OWN_PLANS = Path(__file__).with_name("plans.json")
# Plans between which a tenant is resized, the one that it is made with first.
ALONE = ("standard", "large")
CLUSTERED = ("chaos-cluster", "chaos-larger-cluster", "standard")


@dataclass
class Subscription:
    """An organization's plan, as the platform's operators set it.

    Args:
        stack: what it runs on.
        organization: its id.
    """

    stack: StackHandle
    organization: str
    plan: str = ""

    def offer(self) -> None:
        """Adds the chaos's own plans to the price list."""
        self.stack.manage("loaddata", str(OWN_PLANS))

    def put_on(self, plan: str) -> None:
        """From now on tenants are made and resized as this plan says; those that exist stay as they are."""
        if plan != self.plan:
            self.stack.manage("set_plan", "--organization", self.organization, "--plan", plan)
            self.plan = plan
