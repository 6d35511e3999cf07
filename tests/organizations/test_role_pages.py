"""The pages and the API of roles: everybody reads them, and whoever manages members makes their own."""

from typing import Any

import pytest
from django.test import Client

from organizations.models import CustomRole, Membership, Organization, User
from organizations.permissions import PERMISSIONS, ROLES
from organizations.roles.words import AREAS
from tests.cast import join, person, session_of
from tests.database import all_rows
from tests.organizations.test_custom_roles import make
from tests.organizations.test_members import change, membership

FORM = {"name": "Night shift", "description": "From ten to six", "permissions": ["dashboard.open", "tenant.view"]}


@pytest.fixture
def browser(acme: Organization, alice: User) -> Client:
    return session_of(alice)


def text(browser: Client, acme: Organization, path: str = "") -> str:
    answer = browser.get(f"/o/{acme.pk}/roles/{path}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_permission_is_described_once() -> None:
    described = [each.key for area in AREAS for each in area.permissions]
    assert sorted(described) == sorted(PERMISSIONS)
    assert all(each.words and each.help for area in AREAS for each in area.permissions)


def test_the_page_shows_what_each_of_the_five_allows(browser: Client, acme: Organization) -> None:
    page = text(browser, acme)
    lines = page.count('<td class="text-center">')
    assert lines == len(PERMISSIONS) * len(ROLES)
    assert page.count("yes</span>") == sum(len(granted) for granted in ROLES.values())


def test_a_role_is_made_given_changed_and_deleted_on_pages(browser: Client, acme: Organization, bob: User) -> None:
    assert browser.post(f"/o/{acme.pk}/roles/new/", FORM).status_code == 302
    with all_rows():
        role = CustomRole.objects.get()
    assert "From ten to six" in text(browser, acme)
    assert "Night shift" in browser.get(f"/o/{acme.pk}/members/").content.decode()
    member = membership(bob, acme).pk
    given = browser.post(f"/o/{acme.pk}/members/{member}/role/", {"role": role.pk}, follow=True)
    assert "Bob is night shift now." in given.content.decode()
    assert "1 member (Bob)" in text(browser, acme, f"{role.pk}/")
    assert browser.post(f"/o/{acme.pk}/roles/{role.pk}/delete/").status_code == 409
    changed = browser.post(f"/o/{acme.pk}/roles/{role.pk}/", {**FORM, "name": "Day", "permissions": ["tenant.view"]})
    assert changed.status_code == 302
    with all_rows():
        assert CustomRole.objects.values_list("name", "permissions").get() == ("Day", ["tenant.view"])
        Membership.objects.filter(pk=member).update(role="viewer")
    assert browser.post(f"/o/{acme.pk}/roles/{role.pk}/delete/").status_code == 302
    assert "None yet." in text(browser, acme)


def test_whoever_has_a_role_sees_its_name_in_the_frame(acme: Organization, alice: User, bob: User) -> None:
    change(alice, bob, acme, make(alice, acme, ["member.view", "tenant.view"]).pk)
    assert "Night shift" in session_of(bob).get(f"/o/{acme.pk}/roles/").content.decode()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"permissions": []}, "Tick at least one thing"),
        ({"name": ""}, "Name"),
        ({"name": "Owner"}, "There is a role called"),
    ],
)
def test_what_can_not_be_made_is_said_and_what_was_ticked_is_kept(
    browser: Client, acme: Organization, wrong: dict[str, Any], said: str
) -> None:
    answer = browser.post(f"/o/{acme.pk}/roles/new/", {**FORM, **wrong})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert answer.content.decode().count(" checked") == len({**FORM, **wrong}["permissions"])


def test_what_the_asker_may_not_do_can_not_be_ticked(acme: Organization, alice: User) -> None:
    adam = person("adam")
    join(acme, invited_by=alice, user=adam, role="admin")
    page = text(session_of(adam), acme, "new/")
    assert page.count(" disabled") == len(PERMISSIONS - ROLES["admin"])
    beyond = make(alice, acme, ["billing.manage"])
    assert "<form" not in text(session_of(adam), acme, f"{beyond.pk}/").split("<main")[1]


def test_the_five_are_read_and_not_changed(browser: Client, acme: Organization) -> None:
    assert "Save" not in text(browser, acme, "viewer/")
    assert browser.post(f"/o/{acme.pk}/roles/viewer/", FORM).status_code == 404
    assert browser.post(f"/o/{acme.pk}/roles/viewer/delete/").status_code == 404


def test_the_api_lists_makes_changes_and_deletes(browser: Client, acme: Organization, bob: User) -> None:
    base = f"/api/v1/organizations/{acme.pk}/roles"
    made = browser.post(base, FORM, content_type="application/json")
    assert made.status_code == 201
    role = made.json()
    assert made["Location"] == f"{base}/{role['id']}"
    assert role == {"id": role["id"], "built_in": False, **FORM}
    listed = browser.get(base).json()["results"]
    assert [each["id"] for each in listed] == [*ROLES, role["id"]]
    assert browser.get(f"{base}/viewer").json()["permissions"] == sorted(ROLES["viewer"])
    changed = browser.patch(f"{base}/{role['id']}", {"permissions": ["tenant.view"]}, content_type="application/json")
    assert changed.json() == {**role, "permissions": ["tenant.view"]}
    member = f"/api/v1/organizations/{acme.pk}/members/{membership(bob, acme).pk}"
    assert browser.patch(member, {"role": role["id"]}, content_type="application/json").json()["role"] == role["id"]
    refused = browser.delete(f"{base}/{role['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "ROLE_IN_USE")
    assert browser.patch(member, {"role": "viewer"}, content_type="application/json").status_code == 200
    assert browser.delete(f"{base}/{role['id']}").status_code == 204
    assert browser.get(f"{base}/{role['id']}").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "x", "permissions": []}, "permissions"),
        ({**FORM, "permissions": ["root"]}, "permissions"),
    ],
)
def test_the_api_names_what_is_wrong(browser: Client, acme: Organization, body: dict[str, Any], field: str) -> None:
    answer = browser.post(f"/api/v1/organizations/{acme.pk}/roles", body, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(field)


def test_a_role_that_hides_tenants_hides_them_everywhere(acme: Organization, alice: User, bob: User) -> None:
    change(alice, bob, acme, make(alice, acme, ["member.view"]).pk)
    browser = session_of(bob)
    assert browser.get("/api/v1/tenants").json()["results"] == []
    assert browser.get("/api/v1/operations").json()["results"] == []
