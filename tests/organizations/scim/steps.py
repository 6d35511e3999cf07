"""What a directory and its people do, step by step; used by the tests of provisioning."""

from typing import Any

from allauth.socialaccount.models import SocialAccount

from controlplane import rls
from controlplane.models import Message
from organizations.actions import mapping, scim_tokens
from organizations.models import (
    Connection,
    DirectoryUser,
    Membership,
    User,
)
from tests.cast import actor_for
from tests.database import all_rows
from tests.organizations.conftest import Browser, Zone, prove
from tests.organizations.oidc_idp import OidcIdp

INACTIVE = {"op": "replace", "path": "active", "value": False}


ACTIVE = {"op": "replace", "path": "active", "value": True}


RULES = [{"group": "SOC", "role": "admin"}, {"group": "0b6c-staff", "role": "viewer"}]


def sign_in(idp: OidcIdp, connection: Connection, sub: str = "ann", **more: Any) -> Browser:
    """Signs somebody in by the connection, in a browser of their own."""
    idp.person = {"sub": sub, "email": f"{sub}@acme.example", "name": sub.title(), **more}
    browser = Browser()
    browser.through_oidc(idp, connection.pk)
    return browser


def enters(browser: Browser, connection: Connection) -> bool:
    """Whether the browser is inside the connection's organization."""
    return browser.get(f"/api/v1/organizations/{connection.organization_id}").status_code == 200


def membership_of(connection: Connection, user_name: str) -> Membership | None:
    with all_rows():
        entry = DirectoryUser.objects.filter(connection=connection, user_name=user_name).order_by("-created_at").first()
        return Membership.objects.filter(organization_id=connection.organization_id, user_id=entry.user_id).first()


def tie(user: User, connection: Connection, sub: str) -> None:
    """As linking does: the user has signed in by the connection."""
    with all_rows():
        SocialAccount.objects.create(user=user, provider=connection.provider_id, uid=sub)


def map_groups(connection: Connection, default: str = "none", rules: list[dict[str, str]] = RULES) -> None:
    with all_rows():
        Connection.objects.filter(pk=connection.pk).update(role_rules=rules, default_role=default)


def facts_about(topic: str) -> list[dict[str, Any]]:
    with all_rows():
        return [message.payload for message in Message.objects.filter(topic=f"organizations.{topic}")]


def name_people(owner: User, connection: Connection, attribute: str, claim: str = "") -> None:
    actor = actor_for(owner)
    with rls.acting_as(actor.rls_actor):
        scim_tokens.set_subject(
            by=actor,
            organization=connection.organization,
            connection_id=connection.pk,
            attribute=attribute,
            claim=claim,
        )


def _user(member: Membership) -> User:
    with all_rows():
        return User.objects.get(pk=member.user_id)


def let_join(connection: Connection, owner: User, zone: Zone) -> None:
    """Just-in-time joining, for everybody of a proven domain."""
    prove(zone, actor_for(owner), connection.organization, "acme.example")
    with rls.acting_as(actor_for(owner).rls_actor):
        mapping.set_just_in_time(
            by=actor_for(owner), organization=connection.organization, connection_id=connection.pk, wanted=True
        )
