"""What a person is told about their own account, and what the platform's audit trail keeps of it."""

from typing import Any

from django.utils import timezone

from controlplane import audit, mail
from controlplane.actor import Actor
from organizations.models import User

# What happened, in the words of the mail. An action without words here is audited and not mailed.
WORDS = {
    "organizations.password.set": "A password was set for your account",
    "organizations.password.change": "The password of your account was changed",
    "organizations.password.reset": "The password of your account was reset by mail",
    "organizations.password.remove": "The password of your account was removed",
    "organizations.passkey.create": "A passkey was added to your account",
    "organizations.passkey.remove": "A passkey was removed from your account",
    "organizations.authenticator.create": "An authenticator app was added to your account",
    "organizations.authenticator.remove": "The authenticator app was removed from your account",
    "organizations.recovery_codes.create": "New recovery codes were made for your account",
    "organizations.recovery_code.use": "A recovery code of your account was used",
    "organizations.identity.link": "Another way to sign in was tied to your account",
    "organizations.device.enter": "Your account was used on a new device",
}


def note(*, by: Actor, user: User, action: str, **data: Any) -> None:
    """Audits what happened to a person's account and mails them, in the caller's transaction."""
    audit.record(by=by, action=action, organization_id=None, target=user.pk, data=data)
    words = WORDS.get(action)
    # Only a verified address is the person's own; any other is what an organization's provider says of them.
    if words and user.email_verified:
        context = {"what": words, "name": data.get("name", ""), "at": timezone.now(), "address": by.address}
        mail.write(to=user.email, template="account_notice", context={**context, **data})
