"""
Requests in the order in which Entra ID and Okta send them, as their documentation and connectors' logs have them.

Neither service was asked: see docs/sso/provisioning.md.
"""

from typing import Any

import pytest

from organizations.models import Connection, Membership, User
from tests.cast import person
from tests.database import all_rows
from tests.organizations.scim.client import GROUP, PATCH, USER, ScimClient
from tests.organizations.scim.steps import map_groups, tie

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
OBJECT = "58342554-38d6-4ec8-948c-50044d0a33fd"


@pytest.fixture
def ann(own: Connection) -> User:
    """Somebody whom the connection has signed in, with Entra ID's object id as subject."""
    map_groups(own, rules=[{"group": "7e0f-soc", "role": "operator"}, {"group": "SOC", "role": "operator"}])
    made = person("ann")
    tie(made, own, OBJECT)
    return made


def state(user: User) -> str:
    with all_rows():
        found = Membership.objects.filter(user=user).first()
    return "none" if found is None else "blocked" if found.blocked_at else found.role


def test_entra_id_from_the_test_of_the_connection_to_the_deletion(scim: ScimClient, ann: User) -> None:
    # Test connection asks for somebody who does not exist.
    assert scim.find("/Users", 'userName eq "5b7c6f1e-7d21-4b5f-9a7a-4fe2a0e5b3c1"') == []
    assert scim.find("/Groups", 'displayName eq "none"', "&excludedAttributes=members") == []
    # A user is looked for, and made.
    assert scim.find("/Users", f'externalId eq "{OBJECT}"') == []
    made = scim.post(
        "/Users",
        {
            "schemas": [USER, ENTERPRISE],
            "externalId": OBJECT,
            "userName": "ann@acme.example",
            "active": True,
            "addresses": [{"primary": False, "type": "work", "locality": "Berlin"}],
            "displayName": "Ann Example",
            "emails": [{"primary": True, "type": "work", "value": "ann@acme.example"}],
            "meta": {"resourceType": "User"},
            "name": {"familyName": "Example", "formatted": "Ann Example", "givenName": "Ann"},
            "phoneNumbers": [{"primary": True, "type": "work", "value": "+49 30 1"}],
            "preferredLanguage": "en-US",
            "title": "Analyst",
            ENTERPRISE: {"department": "Security", "manager": "26118915-6090-4610-87e4-49d8ca9f808d"},
        },
    )
    path = f"/Users/{made['id']}"
    assert state(ann) == "none"
    # A group is made without members, which follow one request each.
    group = scim.post(
        "/Groups",
        {
            "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
            "externalId": "7e0f-soc",
            "displayName": "Security operations",
            "meta": {"resourceType": "Group"},
        },
    )
    members = f"/Groups/{group['id']}"
    scim.patch(members, {"op": "Add", "path": "members", "value": [{"$ref": None, "value": made["id"]}]})
    assert state(ann) == "operator"
    found = scim.find("/Groups", f'id eq "{group["id"]}" and members eq "{made["id"]}"', "&excludedAttributes=members")
    assert [each["id"] for each in found] == [group["id"]]
    # Attributes change, several in one request.
    after = scim.patch(
        path,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "ann.new@acme.example"},
        {"op": "Replace", "path": "name.familyName", "value": "New"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "x"},
        {"op": "Remove", "path": 'phoneNumbers[type eq "work"].value'},
        {"op": "Replace", "path": 'addresses[type eq "work"].locality', "value": "Hamburg"},
    )
    assert (after["emails"][0]["value"], after["name"]["familyName"]) == ("ann.new@acme.example", "New")
    # Unassigned or soft-deleted: deactivated. Restored: activated. A month later: deleted.
    scim.patch(path, {"op": "Replace", "path": "active", "value": "False"})
    assert state(ann) == "blocked"
    scim.patch(path, {"op": "Replace", "path": "active", "value": "True"})
    assert state(ann) == "operator"
    scim.patch(members, {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": made["id"]}]})
    assert state(ann) == "blocked"
    scim.patch(path, {"op": "Replace", "path": "active", "value": "False"})
    assert scim.send("DELETE", path).status_code == 204
    assert state(ann) == "none"
    assert scim.send("DELETE", members).status_code == 204


def test_entra_id_with_compliant_patches(scim: ScimClient, ann: User) -> None:
    made = scim.user("ann@acme.example", externalId=OBJECT)
    body = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"displayName": "Ann", "active": False}}]}
    answer = scim.send("PATCH", f"/Users/{made['id']}", body, kind="application/scim+json; charset=utf-8")
    assert (answer.status_code, answer.json()["active"]) == (200, False)


def test_okta_from_the_test_of_the_connection_to_the_deactivation(scim: ScimClient, ann: User, own: Connection) -> None:
    body: dict[str, Any] = {
        "schemas": [USER],
        "userName": "ann@acme.example",
        "name": {"givenName": "Ann", "familyName": "Example"},
        "emails": [{"primary": True, "value": "ann@acme.example", "type": "work"}],
        "displayName": "Ann Example",
        "locale": "en-US",
        "externalId": OBJECT,
        "groups": [],
        "password": "1mz050nq",
        "active": True,
    }
    told = scim.get("/Users?startIndex=1&count=1")
    assert (told["totalResults"], told["startIndex"]) == (0, 1)
    assert scim.find("/Users", 'userName eq "ann@acme.example"', "&startIndex=1&count=100") == []
    answer = scim.send("POST", "/Users", body, kind="application/scim+json; charset=utf-8")
    made = answer.json()
    assert (answer.status_code, "password" in made) == (201, False)
    path = f"/Users/{made['id']}"
    # Push groups: made with members, renamed with its id along, members by several operations.
    group = scim.post(
        "/Groups", {"schemas": [GROUP], "displayName": "Soc", "members": [{"value": made["id"], "display": "ann"}]}
    )
    at_group = f"/Groups/{group['id']}"
    assert state(ann) == "none"
    scim.patch(at_group, {"op": "replace", "value": {"id": group["id"], "displayName": "SOC"}})
    assert state(ann) == "operator"
    scim.patch(at_group, {"op": "remove", "path": f'members[value eq "{made["id"]}"]'})
    assert state(ann) == "blocked"
    scim.patch(at_group, {"op": "add", "path": "members", "value": [{"value": made["id"], "display": "ann"}]})
    assert state(ann) == "operator"
    # Profile: read, then put as a whole. Deactivated by PATCH without a path, or by PUT.
    whole = {**body, "displayName": "Ann E.", "id": made["id"], "meta": made["meta"]}
    assert scim.put(path, whole)["displayName"] == "Ann E."
    scim.patch(path, {"op": "replace", "value": {"active": False}})
    assert state(ann) == "blocked"
    assert scim.put(path, {**whole, "active": True})["active"] is True
    assert state(ann) == "operator"
    assert scim.put(path, {**whole, "active": False})["active"] is False
    assert state(ann) == "blocked"
    # Reactivation looks for the user first.
    (found,) = scim.find("/Users", 'userName eq "ann@acme.example"')
    assert found["id"] == made["id"]
