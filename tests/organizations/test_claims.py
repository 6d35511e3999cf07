"""What providers say is read as a person, and groups as a role."""

import pytest

from controlplane.problems import Invalid, Malformed
from organizations.models import Connection
from organizations.permissions import ROLES
from organizations.sso.claims import flat, purpose_of, told_by
from organizations.sso.group_roles import MOST_RULES, checked_rules, verdict
from organizations.sso.outlook import Fate, Known, outlook

EMAIL = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
RULES = [{"group": "soc-admins", "role": "admin"}, {"group": "all-staff", "role": "viewer"}]


def test_nested_claims_are_named_by_their_path() -> None:
    claims = {"email": "a@b.example", "realm_access": {"roles": ["one", "two"]}, "age": 7, "adult": True, "none": None}
    assert flat(claims) == {
        "email": ["a@b.example"],
        "realm_access.roles": ["one", "two"],
        "age": ["7"],
        "adult": ["true"],
    }


@pytest.mark.parametrize("claims", [{"a": "x\0"}, {"a\0": "x"}, {"a": ["\ud800"]}])
def test_claims_that_can_not_be_stored_are_refused(claims: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        flat(claims)


@pytest.mark.parametrize("claims", [{"a": ["x"] * 2001}, {"a" * 256: "x"}])
def test_too_many_claims_are_refused(claims: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="too many"):
        flat(claims)


def test_claims_nested_too_deep_are_left_out() -> None:
    assert flat({"a": {"b": {"c": {"d": {"e": "x"}}}}, "f": "y"}) == {"f": ["y"]}


@pytest.mark.parametrize(
    ("kind", "mapping", "claims", "email"),
    [
        ("saml", {}, {"mail": ["a@b.example"]}, "a@b.example"),
        ("saml", {}, {EMAIL: ["a@b.example"], "NameID": ["x@y.example"]}, "a@b.example"),
        ("saml", {}, {"NameID": ["x@y.example"]}, "x@y.example"),
        ("saml", {}, {"NameID": ["a-persistent-id"]}, ""),
        ("saml", {"email": "upn"}, {"upn": ["u@b.example"], "mail": ["a@b.example"]}, "u@b.example"),
        ("saml", {"email": "upn"}, {"mail": ["a@b.example"]}, ""),
        ("oidc", {}, {"email": ["a@b.example"]}, "a@b.example"),
        ("oidc", {}, {"preferred_username": ["a@b.example"]}, ""),
        ("oidc", {}, {"email": ["ali\u017fe@b.example"]}, ""),
        ("oidc", {}, {"email": ["nonsense", "a@b.example"]}, "a@b.example"),
    ],
)
def test_an_address_is_found_by_the_usual_names_or_only_by_the_chosen_one(
    kind: str, mapping: dict[str, str], claims: dict[str, list[str]], email: str
) -> None:
    told = told_by(kind, mapping, claims)
    assert told.email == email
    assert bool(told.problem) is not bool(email)


def test_name_and_groups_are_read() -> None:
    told = told_by("oidc", {"groups": "realm_access.roles"}, {"name": ["Alice"], "realm_access.roles": ["a", "b", "a"]})
    assert (told.name, told.groups) == ("Alice", ("a", "b"))
    assert purpose_of("oidc", {"groups": "realm_access.roles"}, "groups") == ""
    assert purpose_of("oidc", {}, "groups") == "groups"


@pytest.mark.parametrize(
    ("groups", "default", "role", "group"),
    [
        (("all-staff", "soc-admins"), "none", "admin", "soc-admins"),
        (("all-staff",), "none", "viewer", "all-staff"),
        (("others",), "none", None, ""),
        ((), "billing", "billing", ""),
        (("SOC-ADMINS",), "none", None, ""),
    ],
)
def test_the_highest_row_that_matches_counts(groups: tuple[str, ...], default: str, role: str, group: str) -> None:
    found = verdict(RULES, default, groups)
    assert (found.role, found.group) == (role, group)


@pytest.mark.parametrize(
    ("rules", "default", "words"),
    [
        ([{"group": "", "role": "admin"}], "none", "Row 1: name a group"),
        ([{"group": "a", "role": "king"}], "none", "Row 1: choose one of"),
        ([*RULES, {"group": "all-staff", "role": "admin"}], "none", "Row 3: all-staff stands higher"),
        (RULES, "everything", "Choose a role"),
        ([{"group": f"g{n}", "role": "viewer"} for n in range(MOST_RULES + 1)], "none", "at most"),
    ],
)
def test_a_table_that_can_not_be_meant_names_its_row(rules: list[dict[str, str]], default: str, words: str) -> None:
    with pytest.raises(Invalid) as refusal:
        checked_rules(rules, default, ROLES)
    assert any(words in error.message for error in refusal.value.errors)


def connection(**more: object) -> Connection:
    return Connection(kind="oidc", **more)


MAPPED = {"role_rules": RULES, "default_role": "none"}
PROVEN = Known(address_is_proven=True)


@pytest.mark.parametrize(
    ("settings", "groups", "known", "fate", "role"),
    [
        ({}, (), Known(role="operator"), Fate.ENTERS, "operator"),
        ({}, ("soc-admins",), PROVEN, Fate.NOT_A_MEMBER, None),
        ({"just_in_time": True}, (), PROVEN, Fate.JOINS, "viewer"),
        ({"just_in_time": True}, (), Known(), Fate.ADDRESS_NOT_PROVEN, None),
        ({"just_in_time": True}, (), Known(address_is_proven=True, email_disputed=True), Fate.EMAIL_UNVERIFIED, None),
        ({"just_in_time": True, **MAPPED}, ("soc-admins",), PROVEN, Fate.JOINS, "admin"),
        ({"just_in_time": True, **MAPPED}, ("others",), PROVEN, Fate.NO_ACCESS, None),
        (MAPPED, ("soc-admins",), Known(role="viewer"), Fate.ENTERS, "admin"),
        (MAPPED, ("all-staff",), Known(role="admin"), Fate.ENTERS, "viewer"),
        (MAPPED, (), Known(role="admin"), Fate.NO_ACCESS, None),
        (MAPPED, (), Known(role="owner", keeps_owner=True), Fate.ENTERS, "owner"),
        (MAPPED, ("all-staff",), Known(role="owner", keeps_owner=True), Fate.ENTERS, "owner"),
        (MAPPED, ("all-staff",), Known(role="owner"), Fate.ENTERS, "viewer"),
    ],
)
def test_what_a_proven_identity_gets(
    settings: dict[str, object], groups: tuple[str, ...], known: Known, fate: Fate, role: str | None
) -> None:
    found = outlook(connection(**settings), groups, known)
    assert (found.fate, found.role) == (fate, role)
