"""The platform's staff: a password that can't be guessed, and the admin site only while an audited grant lasts."""

import datetime as dt

import pytest
from django.contrib import admin
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.test import Client, RequestFactory
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.crypto import EncryptedTextField
from controlplane.problems import Forbidden, Invalid
from organizations.actions import staff
from organizations.backends import PersonBackend
from organizations.models import Connection, Organization, PersonSession, StaffGrant, User
from organizations.staff_site import ReadOnly
from tests.cast import actor_for, found, person
from tests.database import all_rows
from tests.isolation import world
from tests.organizations.conftest import audited

# The admin site makes its transaction read-only, so none of a test's may be around it.
pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS, PASSWORD = "staff@example.test", "a long pass phrase"
OPERATOR = Actor.system("a test")
MODELS = [
    "billing/subscription",
    "organizations/apikey",
    "organizations/connection",
    "organizations/grant",
    "organizations/invitation",
    "organizations/membership",
    "organizations/organization",
    "organizations/staffgrant",
    "organizations/user",
    "tenants/tenant",
]


@pytest.fixture
def sam(transactional_db: None) -> User:
    """A member of the platform's staff, who belongs to no organization."""
    return staff.make(by=OPERATOR, email=ADDRESS, password=PASSWORD)


@pytest.fixture
def customer(sam: User) -> Organization:
    return found(person("alice"), "Acme")


@pytest.fixture
def site(sam: User) -> Client:
    """sam, signed in to the admin site."""
    client = Client()
    answer = client.post("/admin/login/", {"username": ADDRESS, "password": PASSWORD})
    assert answer.status_code == 302, answer.content
    return client


def grant(sam: User, hours: int = 1) -> StaffGrant:
    return staff.grant(by=OPERATOR, user_id=sam.pk, reason="Ticket 7: a tenant that will not start", hours=hours)


def is_shut(client: Client, model: str = "organizations/organization") -> bool:
    answer = client.get(f"/admin/{model}/")
    return answer.status_code == 302 and answer["Location"].startswith("/admin/login/")


def test_without_a_grant_the_admin_site_is_shut(site: Client, customer: Organization) -> None:
    assert all(is_shut(site, model) for model in MODELS)
    assert is_shut(site, f"organizations/organization/{customer.pk}/change")


def test_a_grant_shows_every_organization_until_it_ends(site: Client, customer: Organization, sam: User) -> None:
    made = grant(sam)
    rival = found(person("mallory"), "Rival")
    page = site.get("/admin/organizations/organization/").content.decode()
    assert customer.pk in page
    assert rival.pk in page, "made while the grant lasted"
    with rls.acting_as(rls.PLATFORM):
        StaffGrant.objects.filter(pk=made.pk).update(ends_at=timezone.now() - dt.timedelta(seconds=1))
    assert is_shut(site)


def test_no_page_of_a_row_shows_what_is_encrypted(site: Client, sam: User) -> None:
    """The attack: a member of the staff reads a connection's private key, or its secret, off the page of its row."""
    world.build()
    grant(sam)
    with all_rows():
        sealed = [f.name for f in Connection._meta.fields if isinstance(f, EncryptedTextField)]
        assert {"client_secret", "former_secret", "request_key", "next_request_key"} <= set(sealed)
        Connection.objects.update(**dict.fromkeys(sealed, "plainly a secret"))
        rows = [row for model in admin.site._registry for row in model._default_manager.all()[:5]]
    opened = set()
    for row in rows:
        model = f"{row._meta.app_label}/{row._meta.model_name}"
        page = site.get(f"/admin/{model}/{row.pk}/change/")
        assert "plainly a secret" not in page.content.decode()
        opened |= {model} if page.status_code == 200 else set()
    assert opened >= {*MODELS}


@pytest.mark.parametrize("model", MODELS)
def test_every_page_shows_and_changes_nothing(site: Client, customer: Organization, sam: User, model: str) -> None:
    grant(sam)
    assert site.get(f"/admin/{model}/").status_code == 200
    assert site.get(f"/admin/{model}/add/").status_code == 403


def test_nothing_is_registered_that_could_change_rows() -> None:
    assert admin.site._registry
    assert [model for model, page in admin.site._registry.items() if not isinstance(page, ReadOnly)] == []


def test_an_ended_grant_shuts_the_site_at_once(site: Client, customer: Organization, sam: User) -> None:
    grant(sam, hours=8)
    assert not is_shut(site)
    call_command("grant_staff", "--email", ADDRESS, "--end")
    assert is_shut(site)


@pytest.mark.parametrize("header", ["Bearer x", "Basic eDp5", ""])
def test_a_session_that_was_ended_is_not_woken_by_a_header(
    site: Client, customer: Organization, sam: User, header: str
) -> None:
    """The attack: a request with a key has no session to judge, so a stolen one that was ended goes on beside it."""
    grant(sam)
    page = "/admin/organizations/organization/"
    assert site.get(page).status_code == 200
    with all_rows():
        PersonSession.objects.filter(user=sam).update(ended_at=timezone.now())
    answer = site.get(page, headers={"authorization": header})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


def test_a_grant_widens_nothing_but_the_admin_site(site: Client, customer: Organization, sam: User) -> None:
    grant(sam)
    assert site.get("/api/v1/organizations").json()["results"] == []
    assert site.get(f"/o/{customer.pk}/members/").status_code == 404


@pytest.mark.postgres
def test_row_security_knows_the_grant_and_only_for_the_site(customer: Organization, sam: User) -> None:
    def seen(actor: str) -> int:
        with rls.acting_as(actor):
            return Organization.objects.count()

    assert seen(f"staff:{sam.pk}") == 0
    grant(sam)
    assert (seen(f"staff:{sam.pk}"), seen(f"user:{sam.pk}")) == (1, 0)
    staff.end(by=OPERATOR, user_id=sam.pk)
    assert seen(f"staff:{sam.pk}") == 0


@pytest.mark.postgres
def test_nobody_grants_themselves(customer: Organization, sam: User) -> None:
    statement = (
        "INSERT INTO organizations_staffgrant (id, user_id, reason, created_at, ends_at)"
        f" VALUES ('sgr_x', '{sam.pk}', 'because', now(), now() + interval '1 day')"
    )
    for actor in (f"user:{sam.pk}", f"staff:{sam.pk}"):
        with pytest.raises(DatabaseError, match="row-level security"), rls.acting_as(actor):
            connection.cursor().execute(statement)


def test_grants_and_their_end_stand_in_the_platforms_trail(sam: User, customer: Organization) -> None:
    call_command("grant_staff", "--email", ADDRESS.upper(), "--reason", "Ticket 7: look at Acme", "--hours", "2")
    call_command("grant_staff", "--email", ADDRESS, "--end")
    entries = [entry for entry in audited("platform") if entry.action.startswith("organizations.staff.")]
    assert [(entry.action.rpartition(".")[2], entry.target) for entry in entries] == [
        ("create", sam.pk),
        ("grant", sam.pk),
        ("end", sam.pk),
    ]
    assert entries[1].data["reason"] == "Ticket 7: look at Acme"
    assert "manage.py grant_staff" in entries[1].actor["reason"]


def test_a_grant_needs_a_reason_an_end_and_staff(sam: User) -> None:
    for wrong in ({"reason": " ", "hours": 1}, {"reason": "Ticket 7: look at it", "hours": 9}):
        with pytest.raises(Invalid):
            staff.grant(by=OPERATOR, user_id=sam.pk, **wrong)
    with pytest.raises(CommandError, match="make_staff"):
        call_command("grant_staff", "--email", "nobody@example.test", "--reason", "Ticket 7: look at it")


def test_no_page_or_key_makes_staff(sam: User) -> None:
    by = actor_for(sam)
    with pytest.raises(Forbidden):
        staff.grant(by=by, user_id=sam.pk, reason="Ticket 7: look at it", hours=1)
    with pytest.raises(Forbidden):
        staff.make(by=by, email="new@example.test", password=PASSWORD)


def test_staff_are_made_on_the_command_line(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GARRISON_STAFF_PASSWORD", "short")
    with pytest.raises(CommandError, match="16 characters"):
        call_command("make_staff", "--email", ADDRESS)
    monkeypatch.setenv("GARRISON_STAFF_PASSWORD", PASSWORD)
    call_command("make_staff", "--email", ADDRESS)
    assert Client().login(username=ADDRESS, password=PASSWORD)
    with pytest.raises(CommandError, match="already"):
        call_command("make_staff", "--email", ADDRESS)


def sign_in(username: str, password: str) -> User | None:
    return PersonBackend().authenticate(RequestFactory().post("/admin/login/"), username, password)


def test_nobody_but_staff_has_a_password(sam: User) -> None:
    alice = person("alice")
    with all_rows():
        alice.set_password(PASSWORD)
        alice.save()
    assert sign_in(ADDRESS, PASSWORD) is not None
    assert sign_in(ADDRESS, "another") is None
    assert sign_in(alice.email, PASSWORD) is None
    assert sign_in("nobody@example.test", "x") is None


def test_passwords_of_staff_can_not_be_guessed_for_long(sam: User) -> None:
    for _ in range(10):
        sign_in(ADDRESS.upper(), "guess")
    assert sign_in(ADDRESS, PASSWORD) is None


def test_while_nothing_counts_the_guesses_no_password_is_tried(sam: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from controlplane.cache import WHILE_AWAY

    for operation, answer in WHILE_AWAY.items():
        monkeypatch.setattr(f"organizations.backends.cache.{operation}", answer)
    assert sign_in(ADDRESS, PASSWORD) is None


def told(sam: User) -> list[tuple[str, str, dict[str, str]]]:
    """What the platform's trail says of sign-ins of staff: action, whose, and the data."""
    entries = [entry for entry in audited("platform") if entry.action.startswith("organizations.session.")]
    return [
        (entry.action.rpartition(".")[2], "sam" if entry.target == sam.pk else entry.target, entry.data)
        for entry in entries
    ]


def test_every_sign_in_to_the_site_stands_in_the_platforms_trail_and_its_end(site: Client, sam: User) -> None:
    grant(sam)
    assert site.post("/admin/logout/").status_code == 200
    begin, end = told(sam)
    assert begin == ("begin", "sam", {"way": "admin", "how": "password"})
    assert (end[0], end[2]["because"]) == ("end", "signed out")
    with all_rows():
        assert PersonSession.objects.get(user=sam).ended_at is not None


def test_so_does_every_one_that_fails(sam: User) -> None:
    for username, password in ((ADDRESS, "guess"), ("nobody@example.test", PASSWORD)):
        Client().post("/admin/login/", {"username": username, "password": password})
    wrong = {"code": "WRONG_PASSWORD", "way": "admin"}
    assert told(sam) == [("refuse", "sam", wrong), ("refuse", "nobody", wrong)]
    for _ in range(10):
        Client().post("/admin/login/", {"username": ADDRESS, "password": "guess"})
    assert told(sam)[2:] == [("refuse", "sam", {"code": "TOO_MANY_TRIES", "way": "admin"})]
