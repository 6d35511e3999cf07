"""The REST API of organizations, members, invitations, grants and keys."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controlplane import rls
from organizations.actions import clients, keys
from organizations.models import ApiKey, Grant, Membership, Organization, User
from organizations.permissions import ROLES
from tests.cast import actor_for, session_of
from tests.database import all_rows


class Api:
    """Calls the API with a key of one person."""

    def __init__(self, user: User, organization: Organization) -> None:
        actor = actor_for(user)
        with all_rows():
            role = Membership.objects.get(user=user, organization=organization).role
            text = self._key(user, organization, role)
        self.headers = {"authorization": f"Bearer {text}"}
        self.actor = actor

    @staticmethod
    def _key(user: User, organization: Organization, role: str) -> str:
        """Made as an owner would, then limited to the role: who may not manage keys may still use one."""
        from controlplane.ids import body_of, digest, make_token
        from organizations.keys.models import new_key_id

        key = ApiKey(id=new_key_id(), organization=organization, owner=user, name="test", scopes=sorted(ROLES[role]))
        text = make_token("api", organization.pk, body_of(key.pk))
        key.secret_digest = digest(text)
        key.expires_at = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
        key.save(force_insert=True)
        return text

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return Client().generic(
            method,
            f"/api/v1/{path}",
            "" if body is None else __import__("json").dumps(body),
            content_type="application/json",
            headers={**self.headers, **headers},
        )


@pytest.fixture
def as_owner(alice: User, acme: Organization) -> Api:
    return Api(alice, acme)


@pytest.fixture
def as_viewer(vera: User, acme: Organization) -> Api:
    return Api(vera, acme)


@pytest.fixture
def as_outsider(mallory: User, rival: Organization) -> Api:
    return Api(mallory, rival)


@pytest.fixture
def as_msp(paula: User, msp: Organization) -> Api:
    return Api(paula, msp)


def test_organizations_are_listed_with_what_the_caller_may_do(as_owner: Api, as_msp: Api, acme: Organization) -> None:
    (mine,) = as_owner("GET", "organizations").json()["results"]
    assert (mine["id"], mine["role"]) == (acme.pk, "owner")
    seen = {row["id"]: row["role"] for row in as_msp("GET", "organizations").json()["results"]}
    assert seen[acme.pk] == "operator"
    assert len(seen) == 2


@pytest.mark.parametrize(("change", "status"), [({"role": "viewer"}, 403), (None, 404)], ids=["a demoted", "a removed"])
def test_an_answer_is_not_repeated_to_a_member_who_may_not_ask_any_more(
    acme: Organization, bob: User, change: dict[str, str] | None, status: int
) -> None:
    """The attack: the secret of a key that was made before is asked for again, with the same Idempotency-Key."""
    with all_rows():
        Membership.objects.filter(user=bob).update(role="admin")
    browser = session_of(bob)

    def make_key() -> Any:
        return browser.post(
            f"/api/v1/organizations/{acme.pk}/keys",
            {"name": "ci", "scopes": ["tenant.view"]},
            content_type="application/json",
            headers={"idempotency-key": "once"},
        )

    first, again = make_key(), make_key()
    assert (first.status_code, again["Idempotent-Replayed"]) == (201, "true")
    with all_rows():
        memberships = Membership.objects.filter(user=bob)
        memberships.update(**change) if change else memberships.delete()
    late = make_key()
    assert late.status_code == status
    assert first.json()["secret"] not in late.content.decode()


def test_a_list_asks_the_database_as_often_for_many_as_for_one(as_msp: Api, msp: Organization, paula: User) -> None:
    def questions() -> int:
        as_msp("GET", "organizations")  # notes the key's use, which the next one need not
        with CaptureQueriesContext(connection) as asked:
            assert as_msp("GET", "organizations").status_code == 200
        return len(asked)

    def found_clients(*names: str) -> None:
        actor = actor_for(paula)
        for name in names:
            with rls.acting_as(actor.rls_actor):
                clients.create_client(by=actor, msp=msp, name=name)

    found_clients("The first")
    before = questions()
    found_clients(*(f"Client {number}" for number in range(5)))
    assert questions() == before


def test_an_msp_lists_and_founds_clients(as_msp: Api, msp: Organization, acme: Organization) -> None:
    answer = as_msp("POST", "organizations", {"msp": msp.pk, "name": "Eastlake"}, **{"idempotency-key": "a"})
    assert answer.status_code == 201
    assert answer.json()["role"] == "admin"
    again = as_msp("POST", "organizations", {"msp": msp.pk, "name": "Eastlake"}, **{"idempotency-key": "a"})
    assert again.json()["id"] == answer.json()["id"]
    other = as_msp("POST", "organizations", {"msp": msp.pk, "name": "Other"}, **{"idempotency-key": "a"})
    assert other.status_code == 422
    listed = [row["id"] for row in as_msp("GET", f"organizations?msp={msp.pk}").json()["results"]]
    assert set(listed) == {acme.pk, answer.json()["id"]}


def test_a_clients_jurisdiction_is_chosen_when_it_is_founded_and_told_ever_after(
    as_msp: Api, msp: Organization
) -> None:
    founded = as_msp("POST", "organizations", {"msp": msp.pk, "name": "Eastlake", "jurisdiction": "eu"}).json()
    assert founded["jurisdiction"] == "eu"
    assert as_msp("GET", f"organizations/{founded['id']}").json()["jurisdiction"] == "eu"
    assert as_msp("POST", "organizations", {"msp": msp.pk, "name": "Anywhere"}).json()["jurisdiction"] == ""
    refused = as_msp("POST", "organizations", {"msp": msp.pk, "name": "Crater", "jurisdiction": "mars"})
    assert refused.status_code == 422
    assert "jurisdiction" in refused.content.decode()


def test_lists_come_in_pages(as_owner: Api, acme: Organization) -> None:
    first = as_owner("GET", f"organizations/{acme.pk}/members?limit=2").json()
    second = as_owner("GET", f"organizations/{acme.pk}/members?limit=2&cursor={first['next']}").json()
    emails = [row["email"] for row in first["results"] + second["results"]]
    assert sorted(emails) == ["alice@example.test", "bob@example.test", "vera@example.test"]
    assert second["next"] is None


ROUTES = [
    ("GET", "organizations/{org}", 200),
    ("GET", "organizations/{org}/members", 200),
    ("GET", "organizations/{org}/members/{member}", 200),
    ("PATCH", "organizations/{org}/members/{member}", 403),
    ("DELETE", "organizations/{org}/members/{member}", 403),
    ("GET", "organizations/{org}/invitations", 200),
    ("POST", "organizations/{org}/invitations", 403),
    ("DELETE", "organizations/{org}/invitations/inv_x", 403),
    ("GET", "organizations/{org}/keys", 403),
    ("POST", "organizations/{org}/keys", 403),
    ("GET", "organizations/{org}/keys/{key}", 403),
    ("DELETE", "organizations/{org}/keys/{key}", 403),
    ("GET", "organizations/{org}/grants", 200),
    ("GET", "grants/{grant}", 200),
    ("PATCH", "grants/{grant}", 403),
    ("DELETE", "grants/{grant}", 403),
]
BODIES = {
    ("PATCH", "members"): {"role": "viewer"},
    ("POST", "invitations"): {"email": "new@example.test", "role": "viewer"},
    ("POST", "keys"): {"name": "x", "scopes": ["tenant.view"]},
    ("PATCH", "grants"): {"role_ceiling": "viewer"},
}


@pytest.mark.parametrize(("method", "route", "for_viewers"), ROUTES)
def test_a_viewer_gets_what_the_role_allows_and_an_outsider_finds_nothing(
    method: str, route: str, for_viewers: int, as_viewer: Api, as_outsider: Api, acme: Organization, bob: User
) -> None:
    with all_rows():
        path = route.format(
            org=acme.pk,
            member=Membership.objects.get(user=bob, organization=acme).pk,
            key=ApiKey.objects.filter(organization=acme).first().pk,
            grant=Grant.objects.get(client=acme).pk,
        )
    body = next((b for (verb, part), b in BODIES.items() if verb == method and part in route), None)
    assert as_viewer(method, path, body).status_code == for_viewers
    assert as_outsider(method, path, body).status_code == 404
    assert Client().generic(method, f"/api/v1/{path}").status_code == 401


def test_an_owner_changes_roles_invites_and_removes(as_owner: Api, acme: Organization, bob: User) -> None:
    with all_rows():
        target = Membership.objects.get(user=bob, organization=acme).pk
    base = f"organizations/{acme.pk}"
    assert as_owner("PATCH", f"{base}/members/{target}", {"role": "admin"}).json()["role"] == "admin"
    made = as_owner("POST", f"{base}/invitations", {"email": "new@example.test", "role": "viewer"})
    assert made.status_code == 201
    assert as_owner("GET", f"{base}/invitations").json()["results"][0]["email"] == "new@example.test"
    assert as_owner("DELETE", f"{base}/invitations/{made.json()['id']}").status_code == 204
    assert as_owner("DELETE", f"{base}/members/{target}").status_code == 204
    assert as_owner("GET", f"{base}/members/{target}").status_code == 404


def test_a_member_whose_access_is_taken_away_says_since_when(as_owner: Api, acme: Organization, bob: User) -> None:
    with all_rows():
        Membership.objects.filter(user=bob, organization=acme).update(blocked_at=timezone.now())
    listed = as_owner("GET", f"organizations/{acme.pk}/members").json()["results"]
    assert [each["user"] for each in listed if each["blocked_at"]] == [bob.pk]


def test_the_last_owner_is_a_409_with_its_code(as_owner: Api, alice: User, acme: Organization) -> None:
    with all_rows():
        target = Membership.objects.get(user=alice, organization=acme).pk
    answer = as_owner("PATCH", f"organizations/{acme.pk}/members/{target}", {"role": "viewer"})
    assert (answer.status_code, answer.json()["code"]) == (409, "LAST_OWNER")


def test_a_key_is_made_read_and_revoked_and_its_secret_answered_once(as_owner: Api, acme: Organization) -> None:
    base = f"organizations/{acme.pk}/keys"
    made = as_owner("POST", base, {"name": "ci", "scopes": ["tenant.view"], "expires_in_days": 1})
    assert made.status_code == 201
    secret, path = made.json()["secret"], made["Location"].removeprefix("/api/v1/")
    assert "secret" not in as_owner("GET", path).json()
    assert secret not in as_owner("GET", base).content.decode()
    assert Client().get("/api/v1/organizations", headers={"authorization": f"Bearer {secret}"}).status_code == 200
    assert as_owner("DELETE", path).json()["state"] == "revoked"
    assert Client().get("/api/v1/organizations", headers={"authorization": f"Bearer {secret}"}).status_code == 401


def test_a_grant_is_read_narrowed_and_withdrawn(as_owner: Api, as_msp: Api, acme: Organization) -> None:
    (grant,) = as_owner("GET", f"organizations/{acme.pk}/grants").json()["results"]
    assert as_msp("GET", f"grants/{grant['id']}").json()["role_ceiling"] == "operator"
    assert as_owner("PATCH", f"grants/{grant['id']}", {"role_ceiling": "viewer"}).json()["role_ceiling"] == "viewer"
    assert as_owner("PATCH", f"grants/{grant['id']}", {"role_ceiling": "owner"}).status_code == 403
    assert as_owner("DELETE", f"grants/{grant['id']}").json()["state"] == "withdrawn"
    assert as_msp("GET", f"organizations/{acme.pk}").status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("keys", {"name": "x", "scopes": ["everything"]}, "scopes"),
        ("keys", {"name": "x", "scopes": ["tenant.view"], "expires_in_days": 9999}, "expires_in_days"),
        ("keys", {"name": "x", "scopes": ["tenant.view"], "networks": ["nonsense"]}, "networks"),
        ("keys", {"scopes": ["tenant.view"]}, "name"),
        ("invitations", {"email": "nonsense", "role": "viewer"}, "email"),
        ("invitations", {"email": "a@b.example", "role": "root"}, "role"),
    ],
)
def test_a_field_that_can_not_be_used_is_named(
    as_owner: Api, acme: Organization, path: str, body: Any, field: str
) -> None:
    answer = as_owner("POST", f"organizations/{acme.pk}/{path}", body)
    assert answer.status_code == 422
    assert field in str(answer.json()["errors"])


@pytest.mark.parametrize("organization_id", ["org_x", "%00", "..", "org_" + "a" * 20, "é", "' OR 1=1"])
def test_an_id_of_no_organization_is_not_found_and_never_a_500(as_owner: Api, organization_id: str) -> None:
    assert as_owner("GET", f"organizations/{organization_id}/members").status_code in (400, 404)


def test_the_session_may_call_the_api_with_proof_of_origin(acme: Organization, alice: User) -> None:
    assert Client().post("/api/v1/organizations", {}).status_code == 401


def test_scopes_bind_every_route(as_owner: Api, alice: User, acme: Organization) -> None:
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        _, text = keys.create(
            by=actor, organization=acme, name="x", scopes=["tenant.view"], expires_in=dt.timedelta(days=1)
        )
    for path in ("members", "keys", "invitations", "grants"):
        answer = Client().get(f"/api/v1/organizations/{acme.pk}/{path}", headers={"authorization": f"Bearer {text}"})
        assert answer.status_code == 403, path


def test_the_description_is_served_as_it_was_built(db: None) -> None:
    answer = Client().get("/api/v1/openapi.json")
    assert answer.content == Path("contracts/portal-api.json").read_bytes()
    assert answer["Cache-Control"] == "public, max-age=300"
