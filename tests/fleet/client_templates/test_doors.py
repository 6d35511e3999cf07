"""The pages and the API of templates."""

import pytest

from tests.cast import join, person, session_of
from tests.fleet.client_templates.conftest import WINDOW

pytestmark = pytest.mark.django_db


def test_a_person_makes_gives_and_overrides_one_on_the_pages(msp, paula, acme, office):
    browser = session_of(paula)
    home = f"/o/{msp.pk}/client-templates/"
    assert "Say once" in browser.get(home).content.decode()
    wrong = browser.post(f"{home}new/", {"name": "Offices", "maintenance_window__days": ["sun"]})
    assert wrong.status_code == 422
    assert "maintenance_window__start" in wrong.content.decode()
    window = {f"maintenance_window__{name}": value for name, value in WINDOW.items()}
    made = browser.post(f"{home}new/", {"name": "Offices", "ring": "early", "sleep_after_minutes": "0", **window})
    assert made.status_code == 302
    page = browser.get(made["Location"]).content.decode()
    assert "Sunday at 02:00 for 2 h (UTC)" in page
    shown = browser.get(f"{made['Location']}edit/").content.decode()
    assert 'value="02:00"' in shown
    client = f"/o/{msp.pk}/clients/{acme.pk}/template/"
    template_id = made["Location"].rstrip("/").rpartition("/")[2]
    assert browser.post(client, {"template": template_id}).status_code == 302
    assert "Keep as it is: Ring of Office" in browser.get(client).content.decode()
    assert browser.post(f"{client}accept/", {"tenant": office.pk, "setting": "ring"}).status_code == 302
    assert "As the tenant is" in browser.get(client).content.decode()
    chosen = {"ring": "canary", "reason": "They asked for it"}
    assert browser.post(f"{client}overrides/", chosen).status_code == 302
    assert "They asked for it" in browser.get(client).content.decode()
    assert browser.post(f"{client}follow/", {"setting": "ring"}).status_code == 302
    assert "They asked for it" not in browser.get(client).content.decode()
    assert "Early" in browser.get(f"{made['Location']}versions/").content.decode()
    assert browser.post(f"{made['Location']}remove/").status_code == 409
    would = {"what": template_id, "when": "now", "soak_hours": "0", "failures_allowed": "0"}
    assert "Ring: General → Early" in browser.get(f"/o/{msp.pk}/rollouts/new/", would).content.decode()


def test_a_program_does_the_same(msp, paula, acme, office, program_of):
    api = program_of(paula, msp)
    home = f"organizations/{msp.pk}/client-templates"
    made = api.post(home, {"name": "Offices", "settings": {"ring": "early", "backups": None}})
    assert made.status_code == 201
    one = f"{home}/{made.json()['id']}"
    assert api.get(one).json()["settings"] == {"ring": "early", "backups": None}
    named = api.post(home, {"name": "Offices", "settings": {"ring": "odd", "sleep_after_minutes": 3}})
    assert (named.status_code, named.json()["errors"][0]["field"]) == (422, "settings.ring")
    client = f"organizations/{msp.pk}/clients/{acme.pk}/template"
    assert api.get(client).json() == {"template": None, "overrides": [], "wanted": [], "tenants": []}
    given = api.send("PUT", client, {"template": made.json()["id"]}).json()
    assert given["tenants"][0]["differences"] == [
        {
            "setting": "ring",
            "wanted": "early",
            "actual": "general",
            "asked_by": made.json()["id"],
            "is_brought": True,
        }
    ]
    assert api.get(f"{one}/drift").json()["results"][0]["tenant"] == office.pk
    kept = api.post(f"{client}/accept", {"tenant": office.pk, "setting": "ring"}).json()
    assert kept["overrides"][0]["reason"] == "As the tenant is"
    assert api.send("DELETE", f"{client}/overrides/ring").status_code == 204
    assert api.post(f"{client}/overrides", {"settings": {"ring": None}, "reason": "Theirs"}).json()["wanted"] == []
    changed = api.send("PUT", one, {"name": "Offices", "settings": {}, "based_on": 1})
    assert changed.json()["version"] == 2
    assert api.send("PUT", one, {"name": "Offices", "settings": {}, "based_on": 1}).status_code == 409
    assert [each["number"] for each in api.get(f"{one}/versions").json()["results"]] == [2, 1]
    assert api.send("DELETE", one).status_code == 409
    api.send("PUT", client, {"template": None})
    assert api.send("DELETE", one).status_code == 204


def test_a_viewer_of_the_msp_reads_and_changes_nothing(msp, paula, acme, used, office):
    used({"ring": "early"})
    viewer = person("victor")
    join(msp, invited_by=paula, user=viewer, role="viewer")
    browser = session_of(viewer)
    client = f"/o/{msp.pk}/clients/{acme.pk}/template/"
    page = browser.get(client)
    assert (page.status_code, "Keep" in page.content.decode()) == (200, False)
    assert browser.post(f"{client}follow/", {"setting": "ring"}).status_code == 403
