"""The pages and the API of templates."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import Plan
from controlplane.keyset import DEFAULT_LIMIT
from fleet.client_templates import client_actions
from fleet.client_templates.models import TemplateUse
from organizations.models import Organization
from tenants.provisioning.models import Tenant
from tests.cast import join, person, session_of
from tests.database import all_rows
from tests.fleet.client_templates.conftest import WINDOW
from tests.fleet.seeded import seed

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
    chosen = {"template": template_id, "ring": "canary", "reason": "They asked for it"}
    assert browser.post(f"{client}overrides/", chosen).status_code == 302
    assert "They asked for it" in browser.get(client).content.decode()
    assert browser.post(f"{client}follow/", {"setting": "ring"}).status_code == 302
    assert "They asked for it" not in browser.get(client).content.decode()
    assert "Early" in browser.get(f"{made['Location']}versions/").content.decode()
    assert browser.post(f"{made['Location']}remove/").status_code == 409
    would = {"what": template_id, "when": "now", "soak_hours": "0", "failures_allowed": "0"}
    assert "Ring: General → Early" in browser.get(f"/o/{msp.pk}/rollouts/new/", would).content.decode()


def test_a_refused_save_of_overrides_drops_none_and_shows_what_was_typed(msp, paula, acme, make, used, as_paula):
    use, other = used({"ring": "early"}), make("Others")
    client_actions.override(by=as_paula, use=use, settings={"protected": None, "ring": "canary"}, reason="Contract")
    browser, path = session_of(paula), f"/o/{msp.pk}/clients/{acme.pk}/template/overrides/"
    typed = {"template": other.pk, "ring": "canary", "backups__every_hours": "1", "backups__keep": "7", "reason": "Odd"}
    refused = browser.post(path, typed)
    assert (refused.status_code, set(refused.context["form"].errors)) == (422, {"backups__every_hours"})
    text = refused.content.decode()
    assert f'value="{other.pk}" selected' in text
    assert 'value="Odd"' in text
    after = TemplateUse.objects.get(pk=use.pk)
    assert (after.template_id, after.exceptions) == (use.template_id, {"protected": None, "ring": "canary"})
    assert browser.post(path, {**typed, "backups__every_hours": "12"}).status_code == 302
    after = TemplateUse.objects.get(pk=use.pk)
    assert (after.template_id, set(after.exceptions)) == (other.pk, {"ring", "backups"})


def test_overrides_that_somebody_else_saved_meanwhile_are_not_replaced_unseen(msp, paula, acme, used, as_paula):
    use = used({"ring": "early"})
    browser, path = session_of(paula), f"/o/{msp.pk}/clients/{acme.pk}/template/overrides/"
    opened = browser.get(path).context["form"]["based_on"].value()
    client_actions.override(by=as_paula, use=use, settings={"protected": None}, reason="Contract")
    typed = {"template": use.template_id, "ring": "canary", "reason": "Odd", "based_on": opened}
    refused = browser.post(path, typed)
    text = refused.content.decode()
    assert (refused.status_code, "Somebody changed what Acme is to have meanwhile" in text) == (422, True)
    assert 'value="Odd"' in text
    assert TemplateUse.objects.get(pk=use.pk).exceptions == {"protected": None}
    again = refused.context["form"]["based_on"].value()
    assert browser.post(path, {**typed, "based_on": again}).status_code == 302
    assert TemplateUse.objects.get(pk=use.pk).exceptions == {"ring": "canary"}


@pytest.mark.parametrize("inherits", [False, True])
def test_what_the_form_offers_to_nobody_is_shown_as_it_is_and_kept(msp, paula, make, inherits):
    above = make("Base", {"content_left_out": ["lists/noisy"]}).pk if inherits else None
    settings = {
        "sleep_after_minutes": 45,
        "maintenance_window": {**WINDOW, "minutes": 90},
        "plan": "large",
        "content_left_out": [],
        "enrollment_token": {"expires_in_days": 7, "max_uses": 9, "groups": ["a", "b"], "labels": {"at": "x, y"}},
    }
    template = make(settings=settings, parent=above)
    Plan.objects.filter(pk="large").update(offered=False)
    browser, path = session_of(paula), f"/o/{msp.pk}/client-templates/{template.pk}/edit/"
    form = browser.get(path).context["form"]
    shown = browser.get(path).content.decode()
    for value in ("45", "90", "large"):
        assert f'<option value="{value}" selected' in shown
    typed = {each.html_name: each.value() for each in form if each.value() not in (None, "")}
    assert browser.post(path, {**typed, "ring": "early", "note": "Rings"}).status_code == 302
    template.refresh_from_db()
    assert template.settings == {**settings, "ring": "early"}
    both = browser.post(path, {**typed, "based_on": "2", "content_left_out": ["-", "lists/noisy"]})
    assert (both.status_code, set(both.context["form"].errors)) == (422, {"content_left_out"})


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
    assert api.get(client).json() == {"template": None, "overrides": [], "wanted": [], "tenants": [], "cut": False}
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
    whole = {"template": made.json()["id"], "settings": {"ring": "canary"}}
    assert api.send("PUT", client, whole).json()["errors"][0]["field"] == "reason"
    assert api.send("PUT", client, {**whole, "reason": "Brave"}).json()["overrides"][0]["value"] == "canary"
    changed = api.send("PUT", one, {"name": "Offices", "settings": {}, "based_on": 1})
    assert changed.json()["version"] == 2
    assert api.send("PUT", one, {"name": "Offices", "settings": {}, "based_on": 1}).status_code == 409
    assert [each["number"] for each in api.get(f"{one}/versions").json()["results"]] == [2, 1]
    assert api.send("DELETE", one).status_code == 409
    api.send("PUT", client, {"template": None})
    assert api.send("DELETE", one).status_code == 204


def test_a_viewer_of_the_msp_reads_and_changes_nothing(msp, paula, acme, used, office):
    use = used({"ring": "early"})
    viewer = person("victor")
    join(msp, invited_by=paula, user=viewer, role="viewer")
    browser = session_of(viewer)
    client = f"/o/{msp.pk}/clients/{acme.pk}/template/"
    page = browser.get(client)
    offered = "Keep as it is: Ring of Office"
    assert (page.status_code, offered in page.content.decode()) == (200, False)
    assert offered in session_of(paula).get(client).content.decode()
    for path, given in (
        ("", {"template": ""}),
        ("accept/", {"tenant": office.pk, "setting": "ring"}),
        ("follow/", {"setting": "ring"}),
        ("overrides/", {"template": use.template_id, "ring": "canary", "reason": "Mine"}),
    ):
        assert browser.post(f"{client}{path}", given).status_code == 403
    assert TemplateUse.objects.get(pk=use.pk).overrides == {}


def test_a_templates_page_reads_one_page_of_clients_however_many_have_it(msp, paula, make, as_paula, cell):
    template, path = make(settings={"ring": "canary"}), f"/o/{msp.pk}/client-templates/"
    browser = session_of(paula)

    def shown() -> tuple[dict, int]:
        browser.get(path)  # what is written once a minute, such as when a session was seen, is not this page's
        with CaptureQueriesContext(connection) as caught:
            page = browser.get(f"{path}{template.pk}/")
        # A list of all clients in a statement would name each by its id.
        assert max(each["sql"].count("org_") for each in caught) < 2 * DEFAULT_LIMIT
        return page.context, len(caught)

    seed(msp, cell, 130)
    clients = list(Organization.objects.filter(name__startswith="Client 0").order_by("name"))
    give(msp, template, clients[:60])
    first, few = shown()
    give(msp, template, clients[60:104])
    second, many = shown()
    assert few == many
    assert [each["clients"] for each in (first, second)] == ["60 clients", "99+ clients"]
    assert len(second["rows"]) == DEFAULT_LIMIT
    assert [each.name for each in second["without"]] == [f"Client {n:05}" for n in range(7, 104, 8)]
    assert (len(second["free"]), second["more_free"]) == (20, True)
    found = browser.get(f"{path}{template.pk}/", {"client": "00129"}).context
    assert ([each.name for each in found["free"]], found["more_free"]) == (["Client 00129"], False)
    assert browser.get(path).context["templates"][0]["clients"] == "99+"


def give(msp, template, clients) -> None:
    with all_rows():
        TemplateUse.objects.bulk_create(
            TemplateUse(organization=msp, client=each, template=template) for each in clients
        )


def test_a_client_with_many_tenants_is_shown_by_pages_and_by_api_with_a_word_that_there_are_more(
    msp, paula, acme, office, used, program_of
):
    use = used({"ring": "canary"})
    columns = {each.attname: getattr(office, each.attname) for each in Tenant._meta.concrete_fields}
    others = (Tenant(**{**columns, "id": f"lo{n:024}", "name": f"T{n}"}) for n in range(DEFAULT_LIMIT))
    with all_rows():
        Tenant.objects.bulk_create(others)
    page = session_of(paula).get(f"/o/{msp.pk}/clients/{acme.pk}/template/").context
    assert (len(page["rows"]), bool(page["page"]["older"])) == (DEFAULT_LIMIT, True)
    api, home = program_of(paula, msp), f"organizations/{msp.pk}"
    told = api.get(f"{home}/clients/{acme.pk}/template").json()
    assert (len(told["tenants"]), told["cut"]) == (DEFAULT_LIMIT, True)
    drift = f"{home}/client-templates/{use.template_id}/drift"
    assert len(api.get(f"{drift}?organization={acme.pk}&limit=200").json()["results"]) == DEFAULT_LIMIT + 1
    assert api.get(f"{drift}?organization={msp.pk}").status_code == 404
