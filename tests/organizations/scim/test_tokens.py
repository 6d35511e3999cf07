"""Provisioning tokens: who makes them, what they open, and every way in which they open nothing."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlplane import rls
from controlplane.ids import parse_token
from controlplane.models import Mail
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from organizations.access import NotConfirmed
from organizations.actions import keys, scim_tokens
from organizations.models import Connection, DirectoryUser, Organization, ScimToken, User
from organizations.permissions import PERMISSIONS
from tests.cast import actor_for, join, person, session_of
from tests.database import all_rows
from tests.organizations.conftest import add_oidc, audited
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.scim.client import ScimClient
from tests.organizations.scim.conftest import client_of, make_token

DAY = dt.timedelta(days=1)


def test_a_token_is_shown_once_and_stored_as_a_hash(own: Connection, alice: User) -> None:
    token, text = make_token(alice, own)
    assert text.startswith(f"scim_{own.organization_id.removeprefix('org_')}_{token.pk.removeprefix('stok_')}_")
    with all_rows():
        stored = str(ScimToken.objects.values().get())
    assert text not in stored
    assert text.rpartition("_")[2] not in stored
    told = [each for each in audited(own.organization_id) if each.action == "organizations.scim_token.create"]
    assert [each.target for each in told] == [token.pk]
    assert text not in str([each.data for each in told])


def test_two_work_at_a_time_so_that_one_takes_the_others_place(own: Connection, alice: User) -> None:
    first, second = client_of(alice, own), client_of(alice, own)
    assert first.get("/Users") == second.get("/Users")
    with pytest.raises(Conflict, match="Two tokens"):
        make_token(alice, own)
    revoke(alice, own, first)
    assert first.refused("GET", "/Users") == (401, "")
    assert second.get("/Users")
    client_of(alice, own)


def revoke(owner: User, connection: Connection, client: ScimClient) -> ScimToken:
    actor = actor_for(owner)
    with rls.acting_as(actor.rls_actor):
        return scim_tokens.revoke(
            by=actor,
            organization=connection.organization,
            connection_id=connection.pk,
            token_id=f"stok_{parse_token(client.token).id}",
        )


def test_only_owners_make_them_because_groups_give_every_role(own: Connection, acme: Organization, alice: User) -> None:
    """The attack: an admin makes a token and puts themselves into the group that gives the owner's role."""
    ada = person("ada")
    join(acme, invited_by=alice, user=ada, role="admin")
    with pytest.raises(Forbidden):
        make_token(ada, own)
    with rls.acting_as(actor_for(ada).rls_actor):
        given: dict[str, Any] = {"by": actor_for(ada), "organization": acme, "connection_id": own.pk}
        with pytest.raises(Forbidden):
            scim_tokens.set_subject(**given, attribute="userName", claim="nickname")
        with pytest.raises(Forbidden):
            scim_tokens.forget(**given)


def test_an_admin_can_revoke_one_that_leaked(
    own: Connection, acme: Organization, alice: User, scim: ScimClient
) -> None:
    ada = person("ada")
    join(acme, invited_by=alice, user=ada, role="admin")
    assert revoke(ada, own, scim).state == "revoked"
    assert scim.refused("GET", "/Users") == (401, "")


def test_they_are_made_by_who_has_just_proven_that_it_is_them(own: Connection, acme: Organization, alice: User) -> None:
    stale = actor_for(alice).with_proofs([(acme.pk, "platform")], confirmed=False)
    given: dict[str, Any] = {"by": stale, "organization": acme, "connection_id": own.pk}
    with rls.acting_as(stale.rls_actor):
        for act in (
            lambda: scim_tokens.create(**given, expires_in=DAY),
            lambda: scim_tokens.revoke(**given, token_id="stok_x"),
            lambda: scim_tokens.set_subject(**given, attribute="userName"),
            lambda: scim_tokens.forget(**given),
        ):
            with pytest.raises(NotConfirmed):
                act()


def test_only_for_a_connection_of_the_organization_and_a_bounded_time(
    own: Connection, theirs: Connection, acme: Organization, alice: User
) -> None:
    with rls.acting_as(actor_for(alice).rls_actor):
        given: dict[str, Any] = {"by": actor_for(alice), "organization": acme}
        with pytest.raises(NotFound):
            scim_tokens.create(**given, connection_id=theirs.pk, expires_in=DAY)
        for lasting in (dt.timedelta(hours=1), dt.timedelta(days=367)):
            with pytest.raises(Invalid):
                scim_tokens.create(**given, connection_id=own.pk, expires_in=lasting)
        with pytest.raises(Invalid):
            scim_tokens.set_subject(**given, connection_id=own.pk, attribute="email")


def test_its_last_use_is_kept(own: Connection, scim: ScimClient) -> None:
    scim.get("/Users")
    with all_rows():
        used = ScimToken.objects.get()
    assert used.last_used_address == "203.0.113.7"
    assert timezone.now() - used.last_used_at < dt.timedelta(seconds=5)


def test_owners_are_mailed_once_before_a_token_in_use_ends(own: Connection, scim: ScimClient, alice: User) -> None:
    told = []
    for days in (31, 29.5, 8, 6.5, 0.5):
        with all_rows():
            left = dt.timedelta(days=days)
            ScimToken.objects.update(expires_at=timezone.now() + left, last_used_at=None)
        scim.get("/Users")
        scim.get("/Users")
        told.append([each.data["days"] for each in audited(own.organization_id) if each.action.endswith(".ending")])
    assert told == [[], [30], [30], [30, 7], [30, 7, 1]]
    with all_rows():
        mails = Mail.objects.filter(organization_id=own.organization_id)
        assert [each.template for each in mails] == ["scim_token_ending"] * 3


class TestWhatOpensNothing:
    def test_an_expired_token(self, own: Connection, scim: ScimClient) -> None:
        with all_rows():
            ScimToken.objects.update(expires_at=timezone.now())
        assert scim.refused("GET", "/Users") == (401, "")

    def test_another_organizations_token(self, own: Connection, stranger: ScimClient, scim: ScimClient) -> None:
        scim.user("ann")
        at_acme = ScimClient(own.pk, stranger.token)
        for method, path, body in (
            ("GET", "/Users", None),
            ("POST", "/Users", {"userName": "x"}),
            ("DELETE", f"/Users/{scim.get('/Users')['Resources'][0]['id']}", None),
        ):
            assert at_acme.refused(method, path, body) == (401, "")
        assert scim.get("/Users")["totalResults"] == 1

    def test_another_connections_token_of_the_same_organization(
        self, own: Connection, acme: Organization, alice: User, own_idp: OidcIdp, scim: ScimClient
    ) -> None:
        other = add_oidc(actor_for(alice), acme, own_idp, name="Other")
        assert ScimClient(other.pk, scim.token).refused("GET", "/Users") == (401, "")

    def test_a_row_of_another_directory(self, scim: ScimClient, stranger: ScimClient) -> None:
        ann, group = stranger.user("ann"), stranger.group("g")
        for path in (f"/Users/{ann['id']}", f"/Groups/{group['id']}"):
            assert scim.refused("GET", path) == (404, "")
            assert scim.refused("DELETE", path) == (404, "")
        member = {"op": "add", "path": "members", "value": [{"value": ann["id"]}]}
        mine = scim.group("g")
        assert scim.refused_patch(f"/Groups/{mine['id']}", member) == (400, "invalidValue")
        assert scim.find("/Users", f'id eq "{ann["id"]}"') == []

    def test_a_foreign_connection_is_told_from_none_by_nobody(
        self, own: Connection, theirs: Connection, scim: ScimClient
    ) -> None:
        answers = [
            ScimClient(name, scim.token).send("GET", "/Users").content
            for name in (theirs.pk, "conn_" + "q" * 20, "x", "%00", "ü")
        ]
        assert len(set(answers[:3])) == 1

    def test_a_list_of_allowed_networks_holds_for_it(self, acme: Organization, scim: ScimClient) -> None:
        with all_rows():
            Organization.objects.filter(pk=acme.pk).update(allowed_networks=["198.51.100.0/24"])
        assert scim.refused("GET", "/Users") == (401, "")
        scim.address = "198.51.100.7"
        assert scim.get("/Users")

    def test_one_from_a_wrong_network_is_told_to_its_organization(
        self, acme: Organization, alice: User, scim: ScimClient
    ) -> None:
        """What a stolen one looks like; the trail is searched by its id."""
        with all_rows():
            Organization.objects.filter(pk=acme.pk).update(allowed_networks=["198.51.100.0/24"])
            token = ScimToken.objects.get()
        for _ in range(3):
            scim.refused("GET", "/Users")
        by = session_of(alice)
        with all_rows():
            Organization.objects.filter(pk=acme.pk).update(allowed_networks=[])
        found = by.get(f"/api/v1/organizations/{acme.pk}/audit", {"who": token.pk, "outcome": "refused"}).json()
        (entry,) = found["results"]
        assert (entry["action"], entry["target"]) == ("organizations.scim_token.refuse", token.pk)
        assert entry["data"]["code"] == "ADDRESS_NOT_ALLOWED"
        assert scim.token not in str(entry)

    def test_an_api_key_a_session_or_nothing(self, own: Connection, acme: Organization, alice: User) -> None:
        with rls.acting_as(actor_for(alice).rls_actor):
            _, key = keys.create(by=actor_for(alice), organization=acme, name="k", scopes=PERMISSIONS, expires_in=DAY)
        for text in (key, "", "x", key.replace("api_", "scim_")):
            assert ScimClient(own.pk, text).refused("GET", "/Users") == (401, "")
        answer = session_of(alice).get(f"/scim/v2/{own.pk}/Users")
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
        assert Client().get(f"/scim/v2/{own.pk}/Users").status_code == 401

    def test_its_token_at_the_api(self, acme: Organization, scim: ScimClient) -> None:
        headers = {"authorization": f"Bearer {scim.token}"}
        for path in ("organizations", f"organizations/{acme.pk}/members", "tenants"):
            assert Client().get(f"/api/v1/{path}", headers=headers).status_code == 401


def test_a_token_works_while_sign_in_is_switched_off(own: Connection, scim: ScimClient) -> None:
    """Taking people away must not wait for their way in to be switched on."""
    with all_rows():
        Connection.objects.filter(pk=own.pk).update(state="disabled")
    assert scim.get("/Users")


def test_requests_are_counted_by_token(scim: ScimClient, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    assert "RateLimit" in scim.send("GET", "/Users")
    scim.get("/Users")
    answer = scim.send("GET", "/Users")
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0


def test_a_repeated_request_with_its_key_has_one_effect(scim: ScimClient) -> None:
    answers = [scim.send("POST", "/Users", {"userName": "a"}, Idempotency_Key="once") for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


class TestStopping:
    def test_what_the_directory_told_is_forgotten_and_members_stay(
        self, own: Connection, acme: Organization, alice: User, scim: ScimClient
    ) -> None:
        scim.group("g", scim.user("ann"))
        with rls.acting_as(actor_for(alice).rls_actor):
            scim_tokens.forget(by=actor_for(alice), organization=acme, connection_id=own.pk)
        assert scim.refused("GET", "/Users") == (401, "")
        with all_rows():
            assert not DirectoryUser.objects.exists()
        assert audited(acme.pk)[-1].action == "organizations.connection.forget_directory"


class TestPageAndApi:
    def page(self, own: Connection, rest: str = "") -> str:
        return f"/o/{own.organization_id}/sso/{own.pk}/provisioning/{rest}"

    def test_the_page_makes_shows_and_revokes_a_token(self, own: Connection, alice: User) -> None:
        browser = session_of(alice)
        answer = browser.post(self.page(own), {"expires_in": "90"})
        text = answer.context["secret"]
        assert answer.status_code == 200
        assert text in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
        again = browser.get(self.page(own)).content.decode()
        assert text not in again
        assert f"/scim/v2/{own.pk}" in again
        client = ScimClient(own.pk, text)
        client.user("ann")
        token_id = f"stok_{parse_token(text).id}"
        assert browser.post(self.page(own, f"tokens/{token_id}/revoke/")).status_code == 302
        assert client.refused("GET", "/Users") == (401, "")

    def test_the_page_says_what_names_people_and_stops(self, own: Connection, alice: User, scim: ScimClient) -> None:
        browser = session_of(alice)
        assert browser.post(self.page(own, "subject/"), {"attribute": "email"}).status_code == 422
        assert browser.post(self.page(own, "subject/"), {"attribute": "externalId", "claim": "oid"}).status_code == 302
        assert 'value="oid"' in browser.get(self.page(own)).content.decode()
        scim.user("ann")
        assert "1 active" in browser.get(self.page(own)).content.decode()
        assert browser.post(self.page(own, "stop/")).status_code == 302
        assert "There is no token yet" not in browser.get(self.page(own)).content.decode()

    def test_the_third_token_is_refused_on_the_page(self, own: Connection, alice: User) -> None:
        browser = session_of(alice)
        for _ in range(2):
            browser.post(self.page(own), {"expires_in": "90"})
        answer = browser.post(self.page(own), {"expires_in": "90"})
        assert answer.status_code == 422
        assert "Revoke the one that your provider does not use any more" in answer.content.decode()

    def test_groups_of_the_table_that_are_not_pushed_are_named(
        self, own: Connection, alice: User, scim: ScimClient
    ) -> None:
        with all_rows():
            Connection.objects.update(role_rules=[{"group": g, "role": "viewer"} for g in ("pushed", "forgotten")])
        scim.group("pushed")
        told = session_of(alice).get(self.page(own)).content.decode()
        assert "what the directory does not tell: forgotten." in told

    def test_the_api_does_the_same(self, own: Connection, alice: User) -> None:
        browser = session_of(alice)
        at = f"/api/v1/organizations/{own.organization_id}/connections/{own.pk}/provisioning"
        made = browser.post(f"{at}/tokens", "{}", content_type="application/json")
        assert made.status_code == 201
        client = ScimClient(own.pk, made.json()["secret"])
        client.user("ann")
        told = browser.get(at).json()
        assert told["address"].endswith(f"/scim/v2/{own.pk}")
        assert (told["users"], told["active"], told["tied"], told["attribute"]) == (1, 1, 0, "externalId")
        assert [each["id"] for each in told["tokens"]] == [made.json()["id"]]
        changed = browser.patch(at, '{"attribute": "userName"}', content_type="application/json")
        assert changed.json()["attribute"] == "userName"
        ended = browser.delete(f"{at}/tokens/{made.json()['id']}")
        assert ended.json()["state"] == "revoked"
        assert client.refused("GET", "/Users") == (401, "")
        assert browser.delete(f"{at}/tokens/stok_nobody").status_code == 404
        assert browser.delete(at).status_code == 204
