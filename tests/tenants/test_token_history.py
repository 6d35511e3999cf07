"""What tokens are called, where they stand, and who came with them: in the portal and by API alike."""

import re

import pytest

from tests.cast import session_of
from tests.tenants.conftest import enroll, read_feed, stored

pytestmark = pytest.mark.django_db


@pytest.fixture
def portal(alice):
    return session_of(alice)


def test_every_use_is_listed_with_its_machine_also_when_the_agent_is_gone(api, make_token, edge, running, portal):
    token, _ = make_token()
    for number, name in (("001", "web-1"), ("002", "web-2")):
        enroll(edge, token, number, name)
    enroll(edge, token, "002", "web-2")  # told twice
    stored(token).agents.all().delete()
    uses = api.get(f"tenants/{running.pk}/tokens/{token.pk}/uses").json()["results"]
    assert [(use["agent"], use["name"], use["address"]) for use in uses] == [
        ("002", "web-2", "192.0.2.7"),
        ("001", "web-1", "192.0.2.7"),
    ]
    shown = portal.get(f"/t/{running.pk}/tokens/{token.pk}/").content.decode()
    assert "web-1" in shown
    assert "web-2" in shown


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("expired", "the token had expired"),
        ("used_up", "the token was used up"),
        ("revoked", "the token was revoked"),
        ("clock", "the machine&#x27;s clock is more than an hour off"),
        ("quarantined", "the agent of this enrollment is quarantined"),
    ],
)
def test_a_refusal_is_listed_at_its_token_with_its_reason(api, make_token, edge, running, portal, reason, words):
    token, _ = make_token()
    other, _ = make_token("Other")
    for each in (token, other):
        data = {"token": each.pk, "reason": reason, "name": "db-1", "address": "192.0.2.9"}
        edge.publish(running.pk, "refusal", data)
    read_feed()
    found = api.get(f"tenants/{running.pk}/refusals?token={token.pk}&reason={reason}").json()["results"]
    assert [(each["token"], each["reason"]) for each in found] == [(token.pk, reason)]
    assert words in portal.get(f"/t/{running.pk}/tokens/{token.pk}/").content.decode()
    unknown = api.get(f"tenants/{running.pk}/refusals?reason=weather")
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (400, "reason")


def test_tokens_are_found_by_their_state(api, make_token, edge, running, portal):
    used, _ = make_token("Used", max_uses=1)
    revoked, _ = make_token("Revoked")
    active, _ = make_token("Active", site="Bonn")
    enroll(edge, used)
    api.send("DELETE", f"tenants/{running.pk}/tokens/{revoked.pk}")
    for token, state in ((used, "used_up"), (revoked, "revoked"), (active, "active")):
        listed = api.get(f"tenants/{running.pk}/tokens?state={state}").json()["results"]
        assert [(each["id"], each["state"]) for each in listed] == [(token.pk, state)]
        shown = portal.get(f"/t/{running.pk}/tokens/?state={state}").content.decode()
        assert re.findall(r"row-link[^>]*>([^<]*)<", shown) == [token.name]
    assert api.get(f"tenants/{running.pk}/tokens?state=expired").json()["results"] == []
    assert [each["site"] for each in api.get(f"tenants/{running.pk}/tokens?site=Bonn").json()["results"]] == ["Bonn"]


def test_a_token_gets_another_name_and_nothing_else(api, make_token, edge, running, portal):
    token, _ = make_token()
    named = api.send("PATCH", f"tenants/{running.pk}/tokens/{token.pk}", {"name": "Laptops"})
    assert (named.status_code, named.json()["name"], named.json()["pending"]) == (200, "Laptops", True)
    portal.post(f"/t/{running.pk}/tokens/{token.pk}/rename/", {"name": "Desktops"})
    assert stored(token).name == "Desktops"
    assert api.send("PATCH", f"tenants/{running.pk}/tokens/{token.pk}", {"name": " "}).status_code in (400, 422)


def test_rotation_shows_the_new_secret_this_once_in_the_portal_and_by_api(api, make_token, running, portal):
    token, _ = make_token()
    made = api.post(f"tenants/{running.pk}/tokens/{token.pk}/rotate", {"overlap_hours": 2})
    assert (made.status_code, made.json()["replaces"]) == (201, token.pk)
    assert made.json()["secret"].startswith("enr_")
    second = made.json()["id"]
    shown = portal.post(f"/t/{running.pk}/tokens/{second}/rotate/", {"overlap": "1"}).content.decode()
    assert "enr_" in shown
    assert "an older token" in shown
    again = api.post(f"tenants/{running.pk}/tokens/{second}/rotate", {})
    assert (again.status_code, again.json()["code"]) == (409, "TOKEN_HAS_ENDED")
