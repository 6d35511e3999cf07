"""
Whom an MSP may let into a client through its grant: the client's people, and nobody of its own.

The attack: an MSP's person invites their own address into the client, and goes on as a member when the grant has ended
or was withdrawn. Its people work there through the grant, which the client can end.
"""

from django.db.models import Q

from controlplane import rls
from controlplane.problems import Forbidden
from organizations.models import Membership, Organization
from organizations.sso.domains import reach
from organizations.standings import Standing


def keep_out(standing: Standing, address: str, user_id: str = "") -> None:
    """
    Demands that whom the asker lets in is none of their MSP's people, where they are here through its grant.

    Args: address: of whom they let in, by which the MSP's domains tell its people too; user_id: theirs, where known.
    Raises Forbidden.
    """
    if standing.msp_id is None:
        return
    with rls.reading_as(f"org:{standing.msp_id}"):
        msp = Organization.objects.get(pk=standing.msp_id)
        by_address = Q(user__email__iexact=address) if address else Q()  # a service account has none
        people = Membership.objects.filter(by_address | Q(user_id=user_id), organization=msp)
        if people.exists() or reach.proves(msp, address):
            raise _refusal()


def _refusal() -> Forbidden:
    return Forbidden(
        "You are here for a service provider, and so let none of its own people become members. Nothing was changed.",
        hint="They work here through its access. Only members of this organization make them members.",
        code="OWN_PEOPLE_OF_MSP",
    )
