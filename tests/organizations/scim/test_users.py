"""Users by SCIM: each request of RFC 7644 §3 that applies, with the RFC's own examples."""

import datetime as dt

import pytest

from organizations.models import Connection, DirectoryUser, User
from tests.database import all_rows
from tests.organizations.conftest import audited
from tests.organizations.scim.client import USER, ScimClient

# RFC 7644 §3.3.
BJENSEN = {
    "schemas": [USER],
    "userName": "bjensen",
    "externalId": "bjensen",
    "name": {"formatted": "Ms. Barbara J Jensen III", "familyName": "Jensen", "givenName": "Barbara"},
}


# RFC 7643 §8.2, the full user.
FULL = {
    "schemas": [USER],
    "externalId": "701984",
    "userName": "bjensen@example.com",
    "name": {
        "formatted": "Ms. Barbara J Jensen, III",
        "familyName": "Jensen",
        "givenName": "Barbara",
        "middleName": "Jane",
        "honorificPrefix": "Ms.",
        "honorificSuffix": "III",
    },
    "displayName": "Babs Jensen",
    "nickName": "Babs",
    "profileUrl": "https://login.example.com/bjensen",
    "emails": [
        {"value": "bjensen@example.com", "type": "work", "primary": True},
        {"value": "babs@jensen.org", "type": "home"},
    ],
    "addresses": [{"streetAddress": "100 Universal City Plaza", "type": "work", "primary": True}],
    "phoneNumbers": [{"value": "555-555-5555", "type": "work"}],
    "userType": "Employee",
    "title": "Tour Guide",
    "preferredLanguage": "en-US",
    "active": True,
    "password": "t1meMa$heen",
    "groups": [{"value": "e9e30dba-f08f-4109-8486-d5c6a331660a", "display": "Tour Guides"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "701984"},
}


def test_a_user_is_made_as_in_the_standards_example(scim: ScimClient) -> None:
    made = scim.post("/Users", BJENSEN)
    assert made.items() >= {**BJENSEN, "active": True}.items()
    assert made["meta"]["resourceType"] == "User"
    assert made["meta"]["location"].endswith(f"/scim/v2/{scim.connection}/Users/{made['id']}")
    assert scim.get(f"/Users/{made['id']}") == made


def test_what_is_kept_is_what_is_used_and_the_rest_is_forgotten(scim: ScimClient, own: Connection) -> None:
    made = scim.post("/Users", FULL)
    assert made["name"] == {key: FULL["name"][key] for key in ("formatted", "familyName", "givenName")}
    assert made["emails"] == FULL["emails"]
    assert made["displayName"] == "Babs Jensen"
    assert not {"password", "addresses", "phoneNumbers", "title", "groups"} & set(made)
    with all_rows():
        stored = str(DirectoryUser.objects.values())
    assert "t1meMa" not in stored + str([entry.data for entry in audited(own.organization_id)])


def test_names_of_attributes_have_no_case(scim: ScimClient) -> None:
    made = scim.post("/Users", {"schemas": [USER], "USERNAME": "b", "Name": {"givenname": "B"}, "ACTIVE": "False"})
    assert (made["userName"], made["name"], made["active"]) == ("b", {"givenName": "B"}, False)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"userName": None}, "userName"),
        ({"userName": "  "}, "userName"),
        ({"userName": 7}, "userName"),
        ({"userName": "x" * 256}, "userName"),
        ({"active": "perhaps"}, "active"),
        ({"active": 1}, "active"),
        ({"name": "Barbara"}, "name"),
        ({"name": {"givenName": []}}, ""),
        ({"emails": [{"value": "a", "primary": True}, {"value": "b", "primary": True}]}, "emails"),
        ({"emails": [{"value": f"{n}@example.com"} for n in range(21)]}, "emails"),
        ({"emails": [[]]}, "emails"),
        ({"username": "twice"}, "userName"),
    ],
)
def test_what_can_not_be_used_is_refused_naming_the_attribute(scim: ScimClient, more: dict, what: str) -> None:
    answer = scim.send("POST", "/Users", {**BJENSEN, **more})
    if not what:
        assert answer.status_code == 201
        return
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert what in answer.json()["detail"]
    assert scim.get("/Users")["totalResults"] == 0


def test_user_name_and_external_id_are_unique_in_a_directory_whatever_their_case(scim: ScimClient) -> None:
    made = scim.post("/Users", BJENSEN)
    assert scim.refused("POST", "/Users", {**BJENSEN, "userName": "BJensen", "externalId": "x"}) == (409, "uniqueness")
    assert scim.refused("POST", "/Users", {**BJENSEN, "userName": "other"}) == (409, "uniqueness")
    other = scim.user("other")
    assert scim.refused("PUT", f"/Users/{other['id']}", BJENSEN) == (409, "uniqueness")
    assert scim.put(f"/Users/{made['id']}", BJENSEN)["id"] == made["id"]


def test_a_user_is_replaced_and_what_is_left_out_is_gone(scim: ScimClient) -> None:
    made = scim.post("/Users", FULL)
    after = scim.put(f"/Users/{made['id']}", {**BJENSEN, "id": "other", "userName": "babs"})
    assert (after["id"], after["userName"]) == (made["id"], "babs")
    assert not {"emails", "displayName"} & set(after)
    assert after["meta"]["version"] != made["meta"]["version"]
    assert after["meta"]["created"] == made["meta"]["created"]


def test_who_is_inactive_stays_so_where_a_replacement_says_nothing_of_it(scim: ScimClient) -> None:
    made = scim.user("b", active=False)
    assert scim.put(f"/Users/{made['id']}", {"schemas": [USER], "userName": "b"})["active"] is False


def test_a_user_is_deleted_and_can_be_made_again(scim: ScimClient) -> None:
    made = scim.post("/Users", BJENSEN)
    assert scim.send("DELETE", f"/Users/{made['id']}").status_code == 204
    for method in ("GET", "PUT", "DELETE"):
        body = BJENSEN if method == "PUT" else None
        assert scim.refused(method, f"/Users/{made['id']}", body) == (404, "")
    assert scim.get("/Users")["totalResults"] == 0
    again = scim.post("/Users", BJENSEN)
    assert again["id"] != made["id"]


def test_names_and_addresses_of_somebody_deleted_are_gone(scim: ScimClient) -> None:
    made = scim.post("/Users", FULL)
    scim.send("DELETE", f"/Users/{made['id']}")
    with all_rows():
        kept = DirectoryUser.objects.values().get()
    assert not [word for word in ("Jensen,", "Babs", "jensen.org") if word in str(kept)]


def test_versions_guard_against_lost_changes(scim: ScimClient) -> None:
    made = scim.post("/Users", BJENSEN)
    path, version = f"/Users/{made['id']}", made["meta"]["version"]
    assert scim.send("GET", path, If_None_Match=version).status_code == 304
    assert scim.send("PUT", path, {**BJENSEN, "displayName": "Babs"}, If_Match=version).status_code == 200
    assert scim.refused("PUT", path, BJENSEN, If_Match=version) == (412, "")
    assert scim.refused("DELETE", path, If_Match=version) == (412, "")
    assert scim.send("GET", path, If_None_Match=version).status_code == 200


def test_a_change_that_changes_nothing_is_no_new_version(scim: ScimClient, own: Connection) -> None:
    made = scim.post("/Users", BJENSEN)
    before = len(audited(own.organization_id))
    after = scim.put(f"/Users/{made['id']}", BJENSEN)
    assert after == made
    assert len(audited(own.organization_id)) == before


def test_each_change_is_audited_in_the_name_of_the_token(scim: ScimClient, own: Connection, alice: User) -> None:
    made = scim.post("/Users", BJENSEN)
    path = f"/Users/{made['id']}"
    scim.patch(path, {"op": "replace", "path": "displayName", "value": "Babs"})
    scim.patch(path, {"op": "replace", "path": "active", "value": False})
    scim.patch(path, {"op": "replace", "path": "active", "value": True})
    scim.send("DELETE", path)
    told = [entry for entry in audited(own.organization_id) if "directory_user" in entry.action]
    assert [entry.action.rpartition(".")[2] for entry in told] == [
        *("create", "change", "deactivate", "activate", "delete"),
    ]
    for entry in told:
        assert entry.actor["kind"] == "scim"
        assert entry.actor["key"].startswith("stok_")
        assert entry.data["connection"] == own.pk
    assert told[1].data["changed"] == ["displayName"]


def test_the_service_tells_what_it_can(scim: ScimClient) -> None:
    config = scim.get("/ServiceProviderConfig")
    assert config["patch"]["supported"]
    assert config["filter"] == {"supported": True, "maxResults": 200}
    assert not config["bulk"]["supported"]
    types = scim.get("/ResourceTypes")["Resources"]
    assert [(each["id"], each["endpoint"]) for each in types] == [("User", "/Users"), ("Group", "/Groups")]
    assert scim.get("/ResourceTypes/User") == types[0]
    schemas = scim.get("/Schemas")["Resources"]
    assert [each["id"] for each in schemas] == [each["schema"] for each in types]
    assert scim.get(f"/Schemas/{USER}") == schemas[0]
    names = {each["name"]: each for each in schemas[0]["attributes"]}
    assert names["userName"]["required"]
    assert names["userName"]["uniqueness"] == "server"
    assert {part["name"] for part in names["emails"]["subAttributes"]} >= {"value", "type", "primary"}


@pytest.mark.parametrize("path", ["/Me", "/Bulk", "/", "/Users/x/y", "/ResourceTypes/Device", "/Schemas/urn:none"])
def test_what_is_not_there_is_answered_in_the_form_of_scim(scim: ScimClient, path: str) -> None:
    assert scim.refused("GET", path) == (404, "")


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        ("{", "application/scim+json", (400, "invalidSyntax")),
        ("[]", "application/json", (400, "invalidSyntax")),
        ('{"userName":"a","userName":"b"}', "application/scim+json", (400, "invalidSyntax")),
        ('{"userName":"\\u0000"}', "application/scim+json; charset=utf-8", (400, "invalidSyntax")),
        ('{"userName":"\\ud800"}', "application/scim+json", (400, "invalidSyntax")),
        ("userName=b", "application/x-www-form-urlencoded", (415, "")),
        ("x" * 1_048_577, "application/scim+json", (400, "")),
    ],
)
def test_a_body_that_is_none_is_refused(scim: ScimClient, body: str, kind: str, expected: tuple[int, str]) -> None:
    assert scim.refused("POST", "/Users", body, kind=kind) == expected


def test_a_directory_has_an_end(scim: ScimClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("organizations.actions.directory.MOST_USERS", 1)
    scim.user("a")
    assert scim.refused("POST", "/Users", {"userName": "b"}) == (400, "tooMany")


def test_times_are_told_in_utc(scim: ScimClient) -> None:
    created = scim.user("a")["meta"]["created"]
    assert created.endswith("Z")
    assert abs(dt.datetime.fromisoformat(created) - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
