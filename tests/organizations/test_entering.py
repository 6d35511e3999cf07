"""What an organization demands of whoever enters, at every door: pages, API by session and key; members and MSPs."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlplane import rls
from organizations.actions import keys
from organizations.models import Organization, User
from organizations.security.entering import is_from
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.organizations.account_steps import add_app, app_code, make_recovery_codes
from tests.organizations.conftest import Browser

OFFICE, ELSEWHERE = "192.0.2.7", "198.51.100.7"
NETWORKS = ["192.0.2.0/24", "2001:db8::/32"]


def demand(organization: Organization, **what: Any) -> None:
    """What the organization demands from now on."""
    with all_rows():
        Organization.objects.filter(pk=organization.pk).update(**what)


def session(
    user: User,
    *,
    working_in: Organization | None = None,
    address: str = OFFICE,
    age: int = 0,
    factor: bool = False,
    way: str = "platform",
) -> Client:
    """A browser at an address, in which somebody proved themselves so many seconds ago, and chose a client."""
    client = session_of(user, working_in=working_in)
    client.defaults["REMOTE_ADDR"] = address
    kept = client.session
    kept["proofs"] = {way: int(time.time()) - age}
    kept["second_factor"] = int(time.time()) - age if factor else None
    kept.save()
    return client


def key_of(user: User, organization: Organization, address: str = OFFICE) -> Client:
    """A program with a key that may do everything its owner may."""
    actor = actor_for(user)
    with rls.acting_as(actor.rls_actor):
        _, secret = keys.create(
            by=actor,
            organization=organization,
            name="program",
            scopes=["tenant.view", "member.view"],
            expires_in=timedelta(days=1),
        )
    return Client(REMOTE_ADDR=address, headers={"authorization": f"Bearer {secret}"})


def doors(client: Client, organization: Organization) -> tuple[int, int, int, bool]:
    """What a page, the organization by API and its members by API answer; and whether the list shows it."""
    by_api = f"/api/v1/organizations/{organization.pk}"
    listed = client.get("/api/v1/organizations").json().get("results", [])
    return (
        client.get(f"/o/{organization.pk}/members/").status_code,
        client.get(by_api).status_code,
        client.get(f"{by_api}/members").status_code,
        organization.pk in [row["id"] for row in listed],
    )


OPEN, SHUT = (200, 200, 200, True), (302, 403, 403, False)
BY_KEY, KEY_REFUSED = (200, 200, True), (401, 401, False)

# What is demanded; how somebody comes; whether the doors are open to them.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "nothing": ({}, {}, True),
    "a factor, none shown": ({"require_second_factor": True}, {}, False),
    "a factor, one shown": ({"require_second_factor": True}, {"factor": True}, True),
    "a factor, by an account": ({"require_second_factor": True}, {"factor": True, "way": "account"}, True),
    "networks, from one": ({"allowed_networks": NETWORKS}, {}, True),
    "networks, from one of IPv6": ({"allowed_networks": NETWORKS}, {"address": "2001:db8::7"}, True),
    "networks, IPv4 in the form of IPv6": ({"allowed_networks": NETWORKS}, {"address": f"::ffff:{OFFICE}"}, True),
    "networks, from elsewhere": ({"allowed_networks": NETWORKS}, {"address": ELSEWHERE}, False),
    "networks, from nobody knows where": ({"allowed_networks": NETWORKS}, {"address": ""}, False),
    "everywhere, from nobody knows where": ({}, {"address": ""}, True),
    "networks that can't be read": ({"allowed_networks": ["rubbish"]}, {}, False),
    "an hour, just in time": ({"session_minutes": 60}, {"age": 3500}, True),
    "an hour, too late": ({"session_minutes": 60}, {"age": 3601}, False),
    "an hour, the factor too old": (
        {"session_minutes": 60, "require_second_factor": True},
        {"age": 3601, "factor": True},
        False,
    ),
    "longer than the platform": ({"session_minutes": 6000}, {"age": 12 * 3600 + 1}, False),
    "signed out since": ({"signed_out_at": timezone.now() - timedelta(minutes=5)}, {"age": 7200}, False),
    "signed in since": ({"signed_out_at": timezone.now() - timedelta(minutes=5)}, {}, True),
}


@pytest.mark.parametrize("name", sorted(CASES))
class TestEveryDoor:
    def test_a_member_is_let_in_or_told_what_is_missing(self, acme: Organization, bob: User, name: str) -> None:
        demanded, comes, let_in = CASES[name]
        demand(acme, **demanded)
        assert doors(session(bob, **comes), acme) == (OPEN if let_in else SHUT)

    def test_the_same_is_asked_of_an_msps_people(
        self, acme: Organization, msp: Organization, maria: User, name: str
    ) -> None:
        demanded, comes, let_in = CASES[name]
        demand(acme, **demanded)
        client = session(maria, working_in=acme, **comes)
        is_too_old_everywhere = comes.get("age", 0) > 12 * 3600
        assert doors(client, acme) == (OPEN if let_in else SHUT)
        assert doors(client, msp) == (SHUT if is_too_old_everywhere else OPEN)

    def test_what_the_msp_demands_of_its_own_is_asked_before_they_reach_a_client(
        self, acme: Organization, msp: Organization, maria: User, name: str
    ) -> None:
        demanded, comes, let_in = CASES[name]
        demand(msp, **demanded)
        assert doors(session(maria, working_in=acme, **comes), acme) == (OPEN if let_in else SHUT)


@pytest.mark.parametrize("name", sorted(name for name, (_, comes, _) in CASES.items() if "age" not in comes))
def test_keys_obey_the_networks_and_are_asked_for_nothing_else(acme: Organization, alice: User, name: str) -> None:
    demanded, comes, let_in = CASES[name]
    client = key_of(alice, acme, comes.get("address", OFFICE))
    demand(acme, **demanded)
    expected = (200, 200) if let_in or "allowed_networks" not in demanded else (401, 401)
    by_api = f"/api/v1/organizations/{acme.pk}"
    assert (client.get(by_api).status_code, client.get(f"{by_api}/members").status_code) == expected


def test_a_key_of_an_msp_reaches_only_clients_that_take_its_network(
    acme: Organization, msp: Organization, paula: User
) -> None:
    demand(acme, allowed_networks=NETWORKS)
    address = f"/api/v1/organizations/{acme.pk}"
    assert key_of(paula, msp).get(address).status_code == 200
    refused = key_of(paula, msp, ELSEWHERE).get(address)
    assert refused.json()["code"] == "ADDRESS_NOT_ALLOWED"


def test_behind_our_proxies_a_written_address_opens_nothing(acme: Organization, bob: User, settings: Any) -> None:
    settings.TRUSTED_PROXIES = ("10.0.0.0/24",)
    demand(acme, allowed_networks=[*NETWORKS, "10.0.0.0/24"])
    client = session(bob, address="10.0.0.2")
    address = f"/api/v1/organizations/{acme.pk}"
    answers = {
        forwarded: client.get(address, headers={"x-forwarded-for": forwarded}).status_code
        for forwarded in (OFFICE, f"{OFFICE}, {ELSEWHERE}", f"{ELSEWHERE}, rubbish", f"{ELSEWHERE}, {OFFICE}")
    }
    assert list(answers.values()) == [200, 403, 403, 200]
    client.defaults["REMOTE_ADDR"] = ELSEWHERE
    assert client.get(address, headers={"x-forwarded-for": OFFICE}).status_code == 403


@pytest.mark.parametrize(
    ("demanded", "comes", "code"),
    [
        ({"require_second_factor": True}, {}, "SECOND_FACTOR_NEEDED"),
        ({"allowed_networks": NETWORKS}, {"address": ELSEWHERE}, "ADDRESS_NOT_ALLOWED"),
        ({"session_minutes": 60}, {"age": 3601}, "SIGN_IN_NEEDED"),
    ],
)
def test_the_api_says_what_is_missing_and_what_to_do(
    acme: Organization, bob: User, mallory: User, demanded: dict[str, Any], comes: dict[str, Any], code: str
) -> None:
    demand(acme, **demanded)
    address = f"/api/v1/organizations/{acme.pk}"
    answer = session(bob, **comes).get(address).json()
    assert (answer["status"], answer["code"]) == (403, code)
    assert answer["hint"]
    assert "192.0.2" not in json.dumps(answer)  # the list itself is nobody's business
    assert session(mallory, **comes).get(address).json()["code"] == "NOT_FOUND"
    assert session(mallory, **comes).get(f"/sso/enter/{acme.pk}/").status_code == 404


def test_a_pause_that_is_too_long_asks_anew_and_only_there(
    acme: Organization, msp: Organization, maria: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    demand(acme, idle_minutes=10)
    client = session(maria, working_in=acme, age=3600)
    kept = client.session
    kept["pauses"] = [[int(time.time()) - 60, 601]]
    kept.save()
    assert doors(client, acme) == SHUT
    assert doors(client, msp) == OPEN
    kept["proofs"] = {"platform": int(time.time()) - 30}  # signed in anew since
    kept.save()
    assert doors(client, acme) == OPEN


def test_who_has_no_second_factor_sets_one_up_and_comes_straight_back(
    acme: Organization, visitor: Browser, bob: User
) -> None:
    demand(acme, require_second_factor=True)
    visitor.cookies = session(bob).cookies
    wanted = f"/o/{acme.pk}/members/"
    led = visitor.get(wanted)["Location"]
    page = visitor.get(led)
    assert page.status_code == 200
    onward = f"/account/authenticator/?next=/o/{acme.pk}/members/"
    assert onward in page.content.decode()
    secret = visitor.get(onward).context["secret"]
    done = visitor.post("/account/authenticator/", {"code": app_code(secret), "next": wanted})
    assert done["Location"] == f"/account/recovery-codes/?next=%2Fo%2F{acme.pk}%2Fmembers%2F"
    codes = visitor.post(done["Location"], {"next": wanted})
    assert f'href="{wanted}"' in codes.content.decode()
    assert visitor.get(wanted).status_code == 200


def test_who_has_a_second_factor_shows_it_and_comes_straight_back(
    acme: Organization, visitor: Browser, bob: User
) -> None:
    visitor.cookies = session(bob).cookies
    add_app(visitor)
    (code, *_) = make_recovery_codes(visitor)
    demand(acme, require_second_factor=True)
    another = Browser()
    another.cookies = session(bob).cookies
    led = another.get(f"/o/{acme.pk}/members/")["Location"]
    step = f"/sign-in/second-step/?next=/o/{acme.pk}/members/"
    assert step in another.get(led).content.decode()
    shown = another.post("/sign-in/second-step/", {"code": code, "next": f"/o/{acme.pk}/members/"})
    assert another.get(shown["Location"]).status_code == 200


def test_from_another_network_the_page_names_their_own_address_and_nothing_else(acme: Organization, bob: User) -> None:
    demand(acme, allowed_networks=NETWORKS)
    client = session(bob, address=ELSEWHERE)
    page = client.get(client.get(f"/o/{acme.pk}/members/")["Location"])
    assert page.status_code == 403
    text = page.content.decode()
    assert ELSEWHERE in text
    assert not [network for network in NETWORKS if network in text]
    client.defaults["REMOTE_ADDR"] = OFFICE
    assert client.get(f"/sso/enter/{acme.pk}/")["Location"] == f"/o/{acme.pk}/"


def test_an_msps_person_is_led_as_well(acme: Organization, maria: User) -> None:
    demand(acme, require_second_factor=True)
    client = session(maria)
    page = client.get(client.get(f"/o/{acme.pk}/members/")["Location"])
    assert "Set up an authenticator app" in page.content.decode()


def test_a_form_that_was_sent_too_late_leads_back_to_its_page(acme: Organization, alice: User, settings: Any) -> None:
    demand(acme, require_second_factor=True)
    before = f"{settings.BASE_URL}/o/{acme.pk}/members/"
    answer = session(alice).post(f"/o/{acme.pk}/members/", {}, headers={"referer": before})
    assert answer["Location"] == f"/sso/enter/{acme.pk}/?next=%2Fo%2F{acme.pk}%2Fmembers%2F"


def test_an_unknown_address_is_in_no_list() -> None:
    assert not is_from(["0.0.0.0/0", "::/0"], "")
    assert not is_from(["0.0.0.0/0"], "2001:db8::1")
    assert is_from([], "")
