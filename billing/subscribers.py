"""What billing does about facts of other rooms."""

from billing import actions
from controlplane import outbox
from controlplane.models import Message


@outbox.subscriber("organizations.organization.created")
def start_trial_of_new_organization(message: Message) -> None:
    """Every new organization begins with a trial."""
    actions.start_trial(organization_id=message.organization_id)
