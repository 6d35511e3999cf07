"""What workers of the outbox do, here and now."""

from controlplane import outbox


def deliver_due() -> int:
    """Delivers what is due, one after another; how many deliveries were tried."""
    return sum(outbox.deliver(*delivery) for delivery in outbox.due())
