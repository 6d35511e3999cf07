"""
What the audit trail tells of sign-ins: begun, confirmed, ended, refused.

The platform's chain has all of them; an organization's has what concerns it: sessions that enter it, and refused tries
at an account of somebody whom such an account would let in. A connection's sign-ins are written where they are judged.
"""

from collections.abc import Iterable
from dataclasses import replace

from controlplane import audit, outbox, repetitions, rls
from controlplane.actor import Actor
from controlplane.models import Message
from organizations.models import Membership, User
from organizations.sso.demands import demands_on

BEGIN = "organizations.session.begin"
CONFIRM = "organizations.session.confirm"
END = "organizations.session.end"
REFUSE = "organizations.session.refuse"
NOBODY = "nobody"
# The message by which organizations are told of a refusal.
TO_TELL = "organizations.session.refused"


def as_known_to(by: Actor, organization_id: str) -> Actor:
    """
    Who is asking, as an organization's trail may tell it: to one that they don't belong to, somebody is nobody.

    The attack: an owner leads people to the address of their own connection, and reads in their trail who came, whose
    browser's session is another's.
    """
    with rls.reading_as(f"org:{organization_id}"):
        if Membership.objects.filter(organization_id=organization_id, user_id=by.user_id).exists():
            return by
    return Actor.nobody(request_id=by.request_id, address=by.address)


def note_begin(
    *, by: Actor, user: User, session_id: str, way: str, how: str, opened: Iterable[str], anew: bool
) -> None:
    """
    Somebody signed in, or a session that they have came to enter further organizations.

    Args: how: what they showed, in words; opened: the organizations that the session enters and did not before; anew:
    whether it is a new session.
    """
    person = replace(by, user_id=user.pk, session_id=session_id)
    data = {"way": way, **({"how": how} if how else {})}
    with rls.acting_as(f"user:{user.pk}"):
        for organization_id in opened:
            audit.record(by=person, action=BEGIN, organization_id=organization_id, target=user.pk, data=data)
        audit.record(by=person, action=BEGIN if anew else CONFIRM, organization_id=None, target=user.pk, data=data)


def note_end(*, by: Actor, user_id: str, session_id: str, entered: Iterable[str], because: str) -> None:
    """A session ended, in the caller's transaction. Args: entered: organizations that it could enter."""
    data = {"session": session_id, "because": because}
    for organization_id in [*entered, None]:
        audit.record(by=by, action=END, organization_id=organization_id, target=user_id, data=data)


def note_refusal(*, by: Actor, user_id: str, code: str, way: str) -> None:
    """
    Somebody was not signed in by an account, or did not confirm that it is them.

    Nothing that was typed is kept: people type passwords into the wrong field. Outsiders learn nothing by the time it
    takes: organizations are told later, by the outbox, and the work until then is the same whoever has the account.
    Args: user_id: whose account was tried, empty if nobody's.
    """
    repetitions.note(
        by=by,
        action=REFUSE,
        organization_id=None,
        target=user_id or NOBODY,
        data={"code": code, "way": way},
        topic=TO_TELL,
    )


@outbox.subscriber(TO_TELL)
def tell_organizations(message: Message) -> None:
    """Write the refusal into the trail of each organization that the account would have opened."""
    told = message.payload
    with rls.acting_as(f"user:{told['target']}"):
        user = User.objects.filter(pk=told["target"]).first()
        concerned = [demand.organization.pk for demand in demands_on(user) if demand.takes_platform] if user else []
    by = Actor.nobody(request_id=told["request"], address=told["address"])
    counted = {} if told["first"] else {"times": told["times"], "since": told["since"]}
    for organization_id in concerned:
        with rls.acting_as(f"org:{organization_id}"):
            audit.record(
                by=by,
                action=told["action"],
                organization_id=organization_id,
                target=told["target"],
                data={**told["data"], **counted},
                refused=True,
            )
