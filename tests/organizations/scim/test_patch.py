"""PATCH (RFC 7644 §3.5.2): the standard's examples, and what Entra ID and Okta really send."""

from typing import Any

import pytest

from tests.organizations.scim.client import USER, ScimClient

WORK = {"value": "bjensen@example.com", "type": "work", "primary": True}
HOME = {"value": "babs@jensen.org", "type": "home"}


@pytest.fixture
def babs(scim: ScimClient) -> str:
    """The path of a user."""
    made = scim.user(
        "bjensen",
        externalId="ext",
        displayName="Babs",
        name={"familyName": "Jensen", "givenName": "Barbara"},
        emails=[WORK, HOME],
    )
    return f"/Users/{made['id']}"


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        # RFC 7644 §3.5.2.1, add.
        ({"op": "add", "value": {"displayName": "B"}}, {"displayName": "B"}),
        (
            {"op": "add", "value": {"emails": [{"value": "babs@x.org", "type": "home"}], "displayName": "B"}},
            {"emails": [WORK, HOME, {"value": "babs@x.org", "type": "home"}], "displayName": "B"},
        ),
        ({"op": "add", "path": "emails", "value": [HOME]}, {"emails": [WORK, HOME]}),
        (
            {"op": "add", "path": "name", "value": {"givenName": "B"}},
            {"name": {"familyName": "Jensen", "givenName": "B"}},
        ),
        (
            {"op": "add", "path": "name.formatted", "value": "B J"},
            {"name": {"familyName": "Jensen", "givenName": "Barbara", "formatted": "B J"}},
        ),
        # A new primary value takes the place of the former.
        (
            {"op": "add", "path": "emails", "value": {"value": "n@x.org", "primary": True}},
            {"emails": [{"value": WORK["value"], "type": "work"}, HOME, {"value": "n@x.org", "primary": True}]},
        ),
        # §3.5.2.2, remove.
        ({"op": "remove", "path": "displayName"}, {"displayName": None}),
        ({"op": "remove", "path": "emails"}, {"emails": None}),
        ({"op": "remove", "path": 'emails[type eq "home" and value ew "jensen.org"]'}, {"emails": [WORK]}),
        ({"op": "remove", "path": 'emails[type eq "other"]'}, {"emails": [WORK, HOME]}),
        (
            {"op": "remove", "path": 'emails[type eq "work"].primary'},
            {"emails": [{k: WORK[k] for k in ("value", "type")}, HOME]},
        ),
        ({"op": "remove", "path": "name.givenName"}, {"name": {"familyName": "Jensen"}}),
        ({"op": "remove", "path": "emails", "value": [{"value": HOME["value"]}]}, {"emails": [WORK]}),
        ({"op": "remove", "path": "emails", "value": [{"value": "unknown"}]}, {"emails": [WORK, HOME]}),
        ({"op": "remove", "path": "emails", "value": [{"type": "work"}]}, {"emails": [WORK, HOME]}),
        # §3.5.2.3, replace.
        ({"op": "replace", "path": "emails", "value": [HOME]}, {"emails": [HOME]}),
        (
            {"op": "replace", "path": 'emails[type eq "work"].value', "value": "new@example.com"},
            {"emails": [{**WORK, "value": "new@example.com"}, HOME]},
        ),
        (
            {"op": "replace", "path": 'emails[type eq "work"]', "value": {"display": "W"}},
            {"emails": [{**WORK, "display": "W"}, HOME]},
        ),
        ({"op": "replace", "value": {"emails": [WORK], "displayName": "B"}}, {"emails": [WORK], "displayName": "B"}),
        ({"op": "replace", "path": f"{USER}:displayName", "value": "B"}, {"displayName": "B"}),
        (
            {"op": "replace", "path": f"{USER}:name.familyName", "value": "J"},
            {"name": {"familyName": "J", "givenName": "Barbara"}},
        ),
        # Entra ID: capitals, texts for booleans, paths as names of a value without a path, extensions.
        ({"op": "Replace", "path": "active", "value": "False"}, {"active": False}),
        (
            {"op": "Add", "path": 'emails[type eq "other"].value', "value": "o@x.org"},
            {"emails": [WORK, HOME, {"type": "other", "value": "o@x.org"}]},
        ),
        (
            {"op": "Replace", "value": {"name.givenName": "B", 'emails[type eq "work"].value': "w@x.org"}},
            {"name": {"familyName": "Jensen", "givenName": "B"}, "emails": [{**WORK, "value": "w@x.org"}, HOME]},
        ),
        (
            {
                "op": "Add",
                "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                "value": "IT",
            },
            {},
        ),
        ({"op": "Add", "value": {"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": "x"}}}, {}),
        ({"op": "Add", "value": {"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "IT"}}, {}),
        ({"op": "Add", "path": 'addresses[type eq "work"].formatted', "value": "x"}, {}),
        ({"op": "Replace", "path": "title", "value": "Guide"}, {}),
        ({"op": "Remove", "path": 'phoneNumbers[type eq "fax"].value'}, {}),
        # Okta: the id along with the value.
        ({"op": "replace", "value": {"id": "0000", "active": False}}, {"active": False}),
        ({"op": "replace", "value": {USER: {"displayName": "B"}}}, {"displayName": "B"}),
        ({"op": "replace", "path": "displayName", "value": None}, {"displayName": None}),
    ],
)
def test_an_operation_does_what_the_standard_says(
    scim: ScimClient, babs: str, operation: dict[str, Any], expected: dict[str, Any]
) -> None:
    before = scim.get(babs)
    after = scim.patch(babs, operation)
    wanted = {**before, **expected}
    for name in ("userName", "externalId", "displayName", "name", "emails", "active"):
        assert after.get(name) == wanted.get(name), name
    assert (after["meta"]["version"] != before["meta"]["version"]) == any(
        before.get(name) != value for name, value in expected.items()
    )


@pytest.mark.parametrize(
    ("operation", "refusal"),
    [
        ({"op": "move", "path": "displayName", "value": "x"}, "invalidSyntax"),
        ({"path": "displayName", "value": "x"}, "invalidSyntax"),
        ("replace", "invalidSyntax"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "replace", "value": "x"}, "invalidValue"),
        ({"op": "add"}, "invalidValue"),
        ({"op": "replace", "path": 7, "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "nothing", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "name.nothing", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "name.first.last", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "emails[type", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": 'emails[type like "x"].value', "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": 'displayName[type eq "x"]', "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "emails]type[", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": 'emails[type eq "fax"].value', "value": "x"}, "noTarget"),
        ({"op": "add", "path": 'emails[type co "fax"].value', "value": "x"}, "noTarget"),
        ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
        ({"op": "replace", "path": "meta.created", "value": "x"}, "mutability"),
        ({"op": "add", "path": "groups", "value": [{"value": "x"}]}, "mutability"),
        ({"op": "remove", "path": "userName"}, "invalidValue"),
        ({"op": "replace", "path": "active", "value": "no"}, "invalidValue"),
        ({"op": "replace", "path": "displayName", "value": {"a": 1}}, "invalidValue"),
        ({"op": "replace", "path": "emails", "value": "x" * 300}, "invalidValue"),
    ],
)
def test_an_operation_that_can_not_be_done_is_refused_and_nothing_is_changed(
    scim: ScimClient, babs: str, operation: Any, refusal: str
) -> None:
    before = scim.get(babs)
    good = {"op": "replace", "path": "displayName", "value": "changed"}
    assert scim.refused_patch(babs, good, operation) == (400, refusal)
    assert scim.get(babs) == before


@pytest.mark.parametrize("body", [{}, {"Operations": []}, {"Operations": {}}, {"Operations": [[]]}])
def test_a_patch_without_operations_is_refused(scim: ScimClient, babs: str, body: dict[str, Any]) -> None:
    assert scim.refused("PATCH", babs, body) == (400, "invalidSyntax")


def test_operations_are_bounded(scim: ScimClient, babs: str) -> None:
    operation = {"op": "replace", "path": "displayName", "value": "x"}
    assert scim.refused_patch(babs, *[operation] * 1001) == (400, "tooMany")


def test_a_patch_of_nobody_is_not_found(scim: ScimClient) -> None:
    operation = {"op": "replace", "path": "active", "value": False}
    assert scim.refused_patch("/Users/duser_nobody", operation) == (404, "")


class TestGroups:
    @pytest.fixture
    def three(self, scim: ScimClient) -> list[Any]:
        return [scim.user(name) for name in "abc"]

    def test_a_group_is_made_read_replaced_and_deleted(self, scim: ScimClient, three: list[Any]) -> None:
        a, b, c = three
        made = scim.group("Tour Guides", a, b, externalId="ext")
        assert (made["displayName"], made["externalId"]) == ("Tour Guides", "ext")
        told = {each["value"]: (each["display"], each["type"], each["$ref"]) for each in made["members"]}
        assert told == {each["id"]: (each["userName"], "User", each["meta"]["location"]) for each in (a, b)}
        path = f"/Groups/{made['id']}"
        after = scim.put(path, {"displayName": "Guides", "members": [{"value": c["id"]}]})
        assert (after["displayName"], [each["value"] for each in after["members"]]) == ("Guides", [c["id"]])
        assert scim.get(f"/Users/{c['id']}")["groups"][0]["display"] == "Guides"
        assert "groups" not in scim.get(f"/Users/{a['id']}")
        assert scim.send("DELETE", path).status_code == 204
        assert scim.refused("GET", path) == (404, "")
        assert "groups" not in scim.get(f"/Users/{c['id']}")

    def test_members_come_and_go_as_providers_send_it(self, scim: ScimClient, three: list[Any]) -> None:
        a, b, c = (each["id"] for each in three)
        path = f"/Groups/{scim.group('g')['id']}"

        def held(*operations: dict[str, Any]) -> set[str]:
            return {each["value"] for each in scim.patch(path, *operations).get("members", [])}

        # Entra ID.
        assert held({"op": "Add", "path": "members", "value": [{"value": a}, {"value": b}]}) == {a, b}
        assert held({"op": "Add", "path": "members", "value": [{"value": a}]}) == {a, b}
        assert held({"op": "Remove", "path": "members", "value": [{"value": a}]}) == {b}
        assert held({"op": "Remove", "path": f'members[value eq "{b}"]'}) == set()
        assert held({"op": "Remove", "path": f'members[value eq "{b}"]'}) == set()
        # Okta: both in one request, and everything at once.
        assert held(
            {"op": "add", "path": "members", "value": [{"value": c, "display": "c"}]},
            {"op": "remove", "path": f'members[value eq "{a}"]'},
        ) == {c}
        assert held({"op": "replace", "path": "members", "value": [{"value": a}, {"value": b}]}) == {a, b}
        # RFC 7644: all of them, one of them replaced by a value without a path.
        assert held({"op": "remove", "path": "members"}) == set()
        assert held({"op": "add", "value": {"members": [{"value": a, "$ref": "x", "type": "User"}]}}) == {a}
        after = scim.patch(path, {"op": "replace", "value": {"id": "x", "displayName": "renamed"}})
        assert (after["displayName"], len(after["members"])) == ("renamed", 1)

    def test_a_change_of_a_group_is_answered_without_its_members(self, scim: ScimClient, three: list[Any]) -> None:
        path = f"/Groups/{scim.group('g')['id']}"
        body = {"Operations": [{"op": "add", "path": "members", "value": [{"value": three[0]["id"]}]}]}
        assert scim.send("PATCH", path, body).status_code == 204
        answer = scim.send("PATCH", f"{path}?attributes=displayName", body)
        assert (answer.status_code, answer.json()["displayName"]) == (200, "g")
        assert "members" not in scim.get(f"{path}?excludedAttributes=members")

    def test_groups_are_found(self, scim: ScimClient, three: list[Any]) -> None:
        a, b, _ = three
        scim.group("One", a, externalId="1")
        scim.group("Two", a, b)
        for asked, names in (
            ('displayName eq "one"', ["One"]),
            ('externalId eq "1"', ["One"]),
            (f'members.value eq "{b["id"]}"', ["Two"]),
            (f'members[value eq "{a["id"]}"] and displayName co "o"', ["One", "Two"]),
            (f'members eq "{a["id"]}"', ["One", "Two"]),
            ('displayName eq "one" and members pr', ["One"]),
        ):
            found = scim.find("/Groups", asked, "&excludedAttributes=members")
            assert [each["displayName"] for each in found] == names, asked
            assert all("members" not in each for each in found)
        in_one = scim.find("/Groups", 'displayName eq "One"')[0]["id"]
        assert [each["userName"] for each in scim.find("/Users", f'groups.value eq "{in_one}"')] == ["a"]

    @pytest.mark.parametrize(
        ("body", "what"),
        [
            ({}, "displayName"),
            ({"displayName": ""}, "displayName"),
            ({"displayName": "g", "members": [{"value": "duser_nobody"}]}, "members"),
            ({"displayName": "g", "members": [{"value": "x", "type": "Group"}]}, "groups within groups"),
            ({"displayName": "g", "members": [7]}, "members"),
        ],
    )
    def test_what_is_no_group_is_refused(self, scim: ScimClient, body: dict[str, Any], what: str) -> None:
        answer = scim.send("POST", "/Groups", body)
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
        assert what in answer.json()["detail"]
        assert scim.get("/Groups")["totalResults"] == 0

    def test_names_of_groups_are_unique(self, scim: ScimClient) -> None:
        scim.group("Guides", externalId="1")
        assert scim.refused("POST", "/Groups", {"displayName": "GUIDES"}) == (409, "uniqueness")
        assert scim.refused("POST", "/Groups", {"displayName": "g", "externalId": "1"}) == (409, "uniqueness")

    def test_their_number_and_members_are_bounded(self, scim: ScimClient, monkeypatch: pytest.MonkeyPatch) -> None:
        many = [{"value": f"duser_{n}"} for n in range(5001)]
        assert scim.refused("POST", "/Groups", {"displayName": "g", "members": many}) == (400, "invalidValue")
        monkeypatch.setattr("organizations.actions.directory_groups.MOST_GROUPS", 1)
        scim.group("g")
        assert scim.refused("POST", "/Groups", {"displayName": "h"}) == (400, "tooMany")

    def test_versions_guard_groups_too(self, scim: ScimClient) -> None:
        made = scim.group("g")
        path, version = f"/Groups/{made['id']}", made["meta"]["version"]
        assert scim.send("PUT", path, {"displayName": "h"}, If_Match=version).status_code == 200
        assert scim.refused("PUT", path, {"displayName": "i"}, If_Match=version) == (412, "")
