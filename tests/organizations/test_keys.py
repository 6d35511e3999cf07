"""API keys: made once, limited, dead with their owner's membership."""

import datetime as dt
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.ids import parse_token
from controlplane.models import Message
from controlplane.problems import Forbidden, Invalid, NotFound
from organizations.actions import keys, members
from organizations.keys.authentication import actor_for as actor_of_key
from organizations.models import ApiKey, Invitation, Membership, Organization, User
from organizations.permissions import PERMISSIONS
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.organizations.conftest import audited

DAY = dt.timedelta(days=1)
VIEW = ["tenant.view", "member.view"]


def make(by: User | Actor, organization: Organization, **limits: Any) -> tuple[ApiKey, str]:
    actor = by if isinstance(by, Actor) else actor_for(by)
    asked = {"name": "ci", "scopes": VIEW, "expires_in": DAY, **limits}
    with rls.acting_as(actor.rls_actor):
        return keys.create(by=actor, organization=organization, **asked)


def call(text: str, path: str = "/api/v1/organizations", address: str = "203.0.113.7") -> int:
    return Client(REMOTE_ADDR=address).get(path, headers={"authorization": f"Bearer {text}"}).status_code


def test_a_key_is_shown_once_and_stored_as_a_hash(acme: Organization, alice: User) -> None:
    key, text = make(alice, acme)
    assert text.startswith(f"api_{acme.pk.removeprefix('org_')}_{key.pk.removeprefix('key_')}_")
    with all_rows():
        stored = ApiKey.objects.values().get()
    assert text not in str(stored)
    assert text.rpartition("_")[2] not in str(stored)
    assert text not in str([entry.data for entry in audited(acme.pk)])


def test_a_key_opens_the_api_and_its_last_use_is_kept(acme: Organization, alice: User) -> None:
    _, text = make(alice, acme)
    assert call(text) == 200
    with all_rows():
        used = ApiKey.objects.get()
    assert used.last_used_address == "203.0.113.7"
    assert timezone.now() - used.last_used_at < dt.timedelta(seconds=5)


def test_revoking_an_msps_key_ends_what_it_opened_at_its_clients_too(
    acme: Organization, msp: Organization, paula: User
) -> None:
    key, _ = make(paula, msp)
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        keys.revoke(by=actor, organization=msp, key_id=key.pk)
    with all_rows():
        fact = Message.objects.get(topic="organizations.api_key.revoked").payload
    assert (fact["key"], fact["organizations"]) == (key.pk, sorted([msp.pk, acme.pk]))


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now() - DAY},
        {"networks": ["198.51.100.0/24"]},
        {"secret_digest": "0" * 64},
    ],
)
def test_a_key_that_has_ended_or_is_elsewhere_is_refused(acme: Organization, alice: User, change: Any) -> None:
    _, text = make(alice, acme)
    with all_rows():
        ApiKey.objects.update(**change)
    assert call(text) == 401


def test_a_key_may_be_used_from_its_networks(acme: Organization, alice: User) -> None:
    _, text = make(alice, acme, networks=["203.0.113.0/24", "2001:db8::/32"])
    assert [call(text, address=a) for a in ("203.0.113.9", "2001:db8::1", "203.0.114.1", "::1")] == [200, 200, 401, 401]


def test_behind_a_proxy_it_is_the_callers_network_that_counts(acme: Organization, alice: User, settings: Any) -> None:
    settings.TRUSTED_PROXIES = ("10.0.0.0/24",)
    _, text = make(alice, acme, networks=["203.0.113.0/24"])

    def through_proxy(forwarded: str) -> int:
        headers = {"authorization": f"Bearer {text}", "x-forwarded-for": forwarded}
        return Client(REMOTE_ADDR="10.0.0.2").get("/api/v1/organizations", headers=headers).status_code

    assert through_proxy("203.0.113.9") == 200
    assert through_proxy("203.0.113.9, 198.51.100.9") == 401


def test_a_key_dies_with_its_owners_membership_however_that_ended(acme: Organization, alice: User, bob: User) -> None:
    with all_rows():
        Membership.objects.filter(user=bob).update(role="owner")
    _, text = make(bob, acme)
    assert call(text) == 200
    with all_rows():
        Membership.objects.filter(user=bob).delete()
    assert call(text) == 401


def test_a_key_loses_what_its_owner_loses(acme: Organization, alice: User, bob: User) -> None:
    with all_rows():
        Membership.objects.filter(user=bob).update(role="admin")
    _, text = make(bob, acme, scopes=["key.manage", "member.view"])
    address = f"/api/v1/organizations/{acme.pk}/keys"
    assert call(text, address) == 200
    with all_rows():
        Membership.objects.filter(user=bob).update(role="viewer")
    assert call(text, address) == 403


@pytest.mark.parametrize("text", ["", "x", "api_a_b_c", "Bearer", "api_\udcff".encode("utf-8", "replace").decode()])
def test_rubbish_is_a_401(db: None, text: str) -> None:
    assert call(text) == 401


def test_every_refusal_reads_the_same(acme: Organization, alice: User) -> None:
    from controlplane.ids import make_token

    key, text = make(alice, acme)
    parsed = parse_token(text)
    invented = [
        text[:-1] + ("0" if text[-1] != "0" else "1"),
        make_token("api", "org_" + "a" * 20, parsed.id),
        make_token("api", acme.pk, parsed.id),
        make_token("enr", acme.pk, parsed.id),
        make_token("api", acme.pk, "b" * 20),
    ]
    with all_rows():
        ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
    answers = {
        Client().get("/api/v1/organizations", headers={"authorization": f"Bearer {each}"}).json()["detail"]
        for each in [*invented, text]
    }
    assert len(answers) == 1


def test_a_key_does_not_reach_another_organization(acme: Organization, rival: Organization, alice: User) -> None:
    _, text = make(alice, acme, scopes=sorted(VIEW))
    assert call(text, f"/api/v1/organizations/{rival.pk}") == 404
    assert call(text, f"/api/v1/organizations/{rival.pk}/members") == 404


def test_a_key_is_no_session(acme: Organization, alice: User) -> None:
    _, text = make(alice, acme)
    assert Client().get(f"/o/{acme.pk}/members/", headers={"authorization": f"Bearer {text}"}).status_code in (302, 404)


def test_scopes_never_exceed_the_makers_role(acme: Organization, alice: User, bob: User) -> None:
    with all_rows():
        Membership.objects.filter(user=bob).update(role="admin")
    with pytest.raises(Forbidden, match=r"billing\.manage"):
        make(bob, acme, scopes=["tenant.view", "billing.manage"])


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["tenant.destroy"]}, "scopes"),
        ({"expires_in": dt.timedelta(days=367)}, "expires_in"),
        ({"expires_in": dt.timedelta(0)}, "expires_in"),
        ({"networks": ["300.1.1.1/8"]}, "networks"),
        ({"networks": ["10.0.0.1/8"]}, "networks"),
        ({"networks": [" "]}, "networks"),
        ({"name": " "}, "name"),
        ({"name": "n" * 121}, "name"),
    ],
)
def test_a_limit_that_can_not_be_is_said_at_its_field(
    acme: Organization, alice: User, limits: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        make(alice, acme, **limits)
    assert refusal.value.field == field


def test_who_may_not_manage_keys_makes_none(acme: Organization, bob: User, mallory: User) -> None:
    for user, error in ((bob, Forbidden), (mallory, NotFound)):
        with pytest.raises(error):
            make(user, acme)


def test_msp_staff_makes_no_key_in_a_client_that_it_does_not_belong_to(msp: Organization, paula: User) -> None:
    from organizations.actions import clients

    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        client = clients.create_client(by=actor, msp=msp, name="Client")
    with pytest.raises(Forbidden, match="membership"):
        make(paula, client)


def test_a_key_made_by_a_key_inherits_its_limits(acme: Organization, alice: User) -> None:
    """The attack: a leaked key, limited and about to expire, makes itself a better successor."""
    parent, _ = make(
        alice,
        acme,
        scopes=["key.manage", "tenant.view"],
        expires_in=dt.timedelta(hours=1),
        networks=["203.0.113.0/24"],
    )
    actor = actor_of_key(parent, Actor.nobody())
    child, _ = make(actor, acme, scopes=["tenant.view"], expires_in=dt.timedelta(days=300))
    assert child.expires_at == parent.expires_at
    assert child.networks == parent.networks
    narrower, _ = make(actor, acme, scopes=["tenant.view"], networks=["203.0.113.8/32"])
    assert narrower.networks == ["203.0.113.8/32"]
    for wider in (
        {"scopes": ["tenant.delete"]},
        {"networks": ["203.0.112.0/23"]},
        {"networks": ["::/0"]},
    ):
        with pytest.raises(Forbidden):
            make(actor, acme, **{"scopes": ["tenant.view"], **wider})


def test_a_key_for_one_tenant_is_made_for_nothing_but_tenants(acme: Organization, alice: User) -> None:
    for scope in ("member.manage", "key.manage", "audit.view", "billing.view"):
        with pytest.raises(Invalid, match="limited to tenants") as refusal:
            make(alice, acme, scopes=["tenant.view", scope], tenant_ids=["a" * 26])
        assert refusal.value.field == "scopes"
    made, _ = make(alice, acme, scopes=["tenant.view", "events.read"], tenant_ids=["a" * 26])
    assert made.tenant_ids == ["a" * 26]


def test_a_leaked_key_for_one_tenant_invites_nobody_who_sees_all(acme: Organization, alice: User) -> None:
    """Also one from before such keys were refused."""
    key, text = make(alice, acme, scopes=sorted(PERMISSIONS))
    with all_rows():
        ApiKey.objects.filter(pk=key.pk).update(tenant_ids=["a" * 26])
    path = f"/api/v1/organizations/{acme.pk}"
    headers = {"authorization": f"Bearer {text}"}
    for at, body in (
        ("invitations", {"email": "friend@example.test", "role": "viewer"}),
        ("keys", {"name": "next", "scopes": ["tenant.view"]}),
    ):
        assert Client().post(f"{path}/{at}", body, content_type="application/json", headers=headers).status_code == 403
    with all_rows():
        assert not Invitation.objects.exists()


def test_what_a_leaked_key_made_ends_with_it(acme: Organization, alice: User) -> None:
    leaked, _ = make(alice, acme, name="leaked", scopes=["key.manage", "tenant.view"])
    child, _ = make(actor_of_key(leaked, Actor.nobody()), acme, name="child", scopes=["key.manage", "tenant.view"])
    _, grandchild = make(actor_of_key(child, Actor.nobody()), acme, name="grandchild", scopes=["tenant.view"])
    other, _ = make(alice, acme, name="other", scopes=["key.manage"])
    answer = session_of(alice).delete(f"/api/v1/organizations/{acme.pk}/keys/{leaked.pk}")
    with all_rows():
        states = {key.name: key.state for key in ApiKey.objects.all()}
        ids = set(ApiKey.objects.filter(name__in=["child", "grandchild"]).values_list("pk", flat=True))
        told = Message.objects.filter(topic="organizations.api_key.revoked").count()
    assert states == {"leaked": "revoked", "child": "revoked", "grandchild": "revoked", other.name: "active"}
    assert set(answer.json()["ended_with_it"]) == ids
    assert call(grandchild) == 401
    assert told == 3
    ended = [entry.data for entry in audited(acme.pk) if entry.action == "organizations.api_key.revoke"]
    assert [data["made_with"] for data in ended] == ["", leaked.pk, child.pk]


def test_a_key_that_has_just_ended_makes_none(acme: Organization, alice: User) -> None:
    leaked, _ = make(alice, acme, scopes=["key.manage", "tenant.view"])
    by = actor_of_key(leaked, Actor.nobody())
    with all_rows():
        ApiKey.objects.filter(pk=leaked.pk).update(revoked_at=timezone.now())
    with pytest.raises(Forbidden, match="has ended"):
        make(by, acme, scopes=["tenant.view"])


def test_the_page_says_what_ended_with_a_key(acme: Organization, alice: User) -> None:
    leaked, _ = make(alice, acme, scopes=["key.manage", "tenant.view"])
    make(actor_of_key(leaked, Actor.nobody()), acme, name="its child", scopes=["tenant.view"])
    browser = session_of(alice)
    shown = browser.post(f"/o/{acme.pk}/keys/{leaked.pk}/revoke/", follow=True).content.decode()
    assert "nor do those that it made: its child" in shown


def test_a_revoked_key_is_published_once(acme: Organization, alice: User) -> None:
    key, text = make(alice, acme)
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        for _ in range(2):
            assert keys.revoke(by=actor, organization=acme, key_id=key.pk)[0].state == "revoked"
    assert call(text) == 401
    with all_rows():
        (fact,) = Message.objects.filter(topic="organizations.api_key.revoked")
    assert fact.payload["key"] == key.pk


def test_a_key_of_another_organization_is_not_found(
    acme: Organization, rival: Organization, alice: User, mallory: User
) -> None:
    key, _ = make(alice, acme)
    actor = actor_for(mallory)
    with rls.acting_as(actor.rls_actor), pytest.raises(NotFound):
        keys.revoke(by=actor, organization=rival, key_id=key.pk)


def test_a_removed_members_keys_are_refused(acme: Organization, alice: User, bob: User) -> None:
    with all_rows():
        Membership.objects.filter(user=bob).update(role="admin")
        target = Membership.objects.get(user=bob).pk
    _, text = make(bob, acme)
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        members.remove(by=actor, organization=acme, membership_id=target)
    assert call(text) == 401


def test_the_first_key_comes_from_the_command_line(acme: Organization, alice: User, capsys: Any) -> None:
    call_command("create_api_key", organization=acme.pk, owner=alice.email, scopes="tenant.view, member.view", days=7)
    text = capsys.readouterr().out.strip()
    assert call(text) == 200
    with all_rows():
        key = ApiKey.objects.get()
    assert key.scopes == ["member.view", "tenant.view"]
    assert audited(acme.pk)[-1].actor["reason"] == "create_api_key"


@pytest.mark.parametrize(
    "changes", [{"owner": "nobody@example.test"}, {"scopes": "nonsense"}, {"days": 900}, {"organization": "org_x"}]
)
def test_the_command_says_what_is_wrong(acme: Organization, alice: User, changes: dict[str, Any]) -> None:
    asked = {"organization": acme.pk, "owner": alice.pk, "scopes": "", "days": 7, **changes}
    with pytest.raises(CommandError):
        call_command("create_api_key", **asked)
