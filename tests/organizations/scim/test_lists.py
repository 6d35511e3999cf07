"""Lists of users: filters, sorting, pages and searches."""

import pytest

from tests.organizations.scim.client import ScimClient


class TestLists:
    @pytest.fixture
    def people(self, scim: ScimClient) -> ScimClient:
        for name in ("carol", "Alice", "bob"):
            scim.user(
                name,
                externalId=f"ext-{name}",
                displayName=name.title(),
                name={"familyName": "O'Malley" if name == "bob" else "Jensen"},
                emails=[
                    {"value": f"{name}@example.com", "type": "work"},
                    {"value": f"{name}@home.org", "type": "home"},
                ],
                active=name != "carol",
            )
        return scim

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            # RFC 7644 §3.4.2.2, figure 2 and the table of operators.
            ('userName eq "bob"', "bob"),
            ('userName Eq "BOB"', "bob"),
            ('name.familyName co "O\'Malley"', "bob"),
            ('userName sw "A"', "Alice"),
            ('urn:ietf:params:scim:schemas:core:2.0:User:userName sw "A"', "Alice"),
            ("displayName pr", "carol Alice bob"),
            ("title pr", ""),
            ('meta.lastModified gt "2011-05-13T04:42:34Z"', "carol Alice bob"),
            ('meta.lastModified lt "2011-05-13T04:42:34Z"', ""),
            ('userName ew "b" and name.familyName pr', "bob"),
            ('userName eq "bob" or userName eq "carol"', "carol bob"),
            ('userName eq "bob" or userName eq "carol" and active eq true', "bob"),
            ('(userName eq "bob" or userName eq "carol") and active eq true', "bob"),
            ('not (userName eq "bob")', "carol Alice"),
            ('active eq true and (emails co "home.org" or emails.value co "example.com")', "Alice bob"),
            ('emails[type eq "work" and value co "@example.com"]', "carol Alice bob"),
            ('emails[type eq "work" and value co "@home.org"]', ""),
            ('emails.type eq "home"', "carol Alice bob"),
            ('active eq "False"', "carol"),
            ("active eq false", "carol"),
            ('userName ne "bob"', "carol Alice"),
            ('userName ge "bob"', "carol bob"),
            ('externalId eq "ext-bob"', "bob"),
            ('externalId eq "EXT-BOB"', ""),
            ('id eq "nobody"', ""),
            ('nothing eq "x"', ""),
            ("externalId eq null", ""),
            ('userName eq "b\\"ob"', ""),
            ('  userName   eq   "bob"  ', "bob"),
        ],
    )
    def test_a_filter_finds_what_the_standard_says(self, people: ScimClient, asked: str, found: str) -> None:
        assert [each["userName"] for each in people.find("/Users", asked)] == found.split()

    @pytest.mark.parametrize(
        "asked",
        [
            "userName",
            "userName eq",
            'userName like "x"',
            "userName eq bob",
            "userName eq 'bob'",
            'eq "bob"',
            'userName eq "bob" and',
            '(userName eq "bob"',
            'userName eq "bob")',
            'emails[type eq "work"',
            "not userName pr",
            'a.b.c eq "x"',
            'userName eq "\\u00"',
            "(" * 11 + "userName pr" + ")" * 11,
            " or ".join(["userName pr"] * 51),
            "x" * 2001,
            'meta.created gt "yesterday"',
            "\u202e",
            '"',
        ],
    )
    def test_a_filter_that_is_none_is_refused(self, people: ScimClient, asked: str) -> None:
        from urllib.parse import quote

        assert people.refused("GET", f"/Users?filter={quote(asked)}") == (400, "invalidFilter")

    def test_pages_count_from_one(self, people: ScimClient) -> None:
        told = people.get("/Users?startIndex=2&count=1")
        assert (told["totalResults"], told["startIndex"], told["itemsPerPage"]) == (3, 2, 1)
        assert [each["userName"] for each in told["Resources"]] == ["Alice"]
        for asked, expected in (("count=0", 0), ("count=-5", 0), ("startIndex=0", 3), ("startIndex=9", 0)):
            told = people.get(f"/Users?{asked}")
            assert (told["totalResults"], len(told["Resources"])) == (3, expected), asked
        assert people.refused("GET", "/Users?count=many") == (400, "invalidValue")
        assert people.get("/Users?count=999999")["itemsPerPage"] == 3

    def test_they_are_sorted_as_asked(self, people: ScimClient) -> None:
        up = people.get("/Users?sortBy=userName")["Resources"]
        assert [each["userName"] for each in up] == ["Alice", "bob", "carol"]
        down = people.get("/Users?sortBy=userName&sortOrder=descending")["Resources"]
        assert [each["userName"] for each in down] == ["carol", "bob", "Alice"]
        assert people.refused("GET", "/Users?sortBy=title") == (400, "invalidValue")

    def test_attributes_are_answered_as_asked(self, people: ScimClient) -> None:
        (only,) = people.find("/Users", 'userName eq "bob"', "&attributes=userName,name.familyName")
        assert only.keys() == {"schemas", "id", "userName", "name"}
        assert only["name"] == {"familyName": "O'Malley"}
        (without,) = people.find("/Users", 'userName eq "bob"', "&excludedAttributes=emails,id,name.familyName")
        assert "emails" not in without
        assert without["id"]
        assert people.get(f"/Users/{only['id']}?attributes=active") == {
            **{key: only[key] for key in ("schemas", "id")},
            "active": True,
        }

    def test_a_search_is_posted_too(self, people: ScimClient) -> None:
        asked = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "attributes": ["displayName", "userName"],
            "filter": 'displayName sw "b"',
            "startIndex": 1,
            "count": 10,
        }
        answer = people.send("POST", "/Users/.search", asked)
        assert answer.status_code == 200
        assert [each["userName"] for each in answer.json()["Resources"]] == ["bob"]

    def test_a_large_directory_is_not_walked_through(self, people: ScimClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("organizations.scim.lists.MOST_WALKED", 2)
        assert people.refused("GET", "/Users?filter=displayName+pr") == (400, "tooMany")
        assert people.find("/Users", 'userName eq "bob" and displayName pr')
