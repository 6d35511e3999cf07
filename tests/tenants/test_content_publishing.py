"""Content is put into use at tenants: previewed, handed over with its bundle, refused, and taken back."""

import pytest

from controlplane import rls
from controlplane.models import AuditEntry
from tenants.content import publishing
from tenants.content.models import ContentBundle, ContentFile
from tenants.provisioning import mirror
from tenants.provisioning.kinds import CONTENT
from tenants.provisioning.models import Operation
from tenants.provisioning.reconciler import reconcile
from tests.cast import found, found_client, person, session_of
from tests.database import all_rows
from tests.tenants.conftest import deliver, fresh, operation_of, read_feed, states

pytestmark = pytest.mark.django_db

LIST = "alice:admin\n"


def keep(api, acme, text=LIST, name="admins", kind="lists"):
    body = {"kind": kind, "name": name, "text": text}
    answer = api.post(f"organizations/{acme.pk}/content-files", body)
    assert answer.status_code == 201, answer.content
    return answer.json()["id"]


def publish(api, tenant, **body):
    return api.post(f"tenants/{tenant.pk}/content/publish", body)


def carry_out(edge, tenant):
    """Hand over what was asked for, and let the edge reach it."""
    deliver()
    reconcile(tenant.pk)
    edge.finish(tenant.pk)
    read_feed()


def content_of(api, tenant) -> dict:
    return api.get(f"tenants/{tenant.pk}").json()["content"]


def test_publishing_brings_the_bundle_and_then_the_plan_that_names_it(api, acme, running, edge):
    keep(api, acme)
    answer = publish(api, running)
    assert answer.status_code == 202
    asked = answer.json()["operation"]
    assert (asked["kind"], asked["arguments"]["content"]) == (CONTENT, content_of(api, running)["wanted"])
    carry_out(edge, running)
    digest = asked["arguments"]["content"]
    assert edge.contents[running.pk, digest] == [{"kind": "lists", "name": "admins", "text": LIST}]
    assert content_of(api, running) == {"wanted": digest, "applied": digest, "error": None}
    assert operation_of(running).state == Operation.State.SUCCEEDED
    assert set(states(operation_of(running)).values()) == {"succeeded"}


def test_a_preview_tells_each_files_difference_and_changes_nothing(api, acme, running, edge):
    file = keep(api, acme)
    publish(api, running)
    carry_out(edge, running)
    api.post(f"content-files/{file}/versions", {"text": "alice:admin\nbob:\n"})
    preview = api.post(f"tenants/{running.pk}/content/publish?validate_only=true", {}).json()
    assert (preview["kind"], preview["restarts"]) == (CONTENT, [])
    assert [(each["name"], each["change"]) for each in preview["changes"]] == [("admins", "changed")]
    assert "+bob:" in preview["changes"][0]["diff"]
    assert content_of(api, running)["wanted"] == content_of(api, running)["applied"]


def test_what_is_stored_at_the_edge_already_is_not_sent_again(api, acme, running, edge):
    keep(api, acme)
    publish(api, running)
    carry_out(edge, running)
    api.post(f"tenants/{running.pk}/stop")
    carry_out(edge, running)
    assert edge.count("PUT") - edge.count("/content/") >= 3
    assert edge.count(f"PUT /v1/tenants/{running.pk}/content/") == 1


def test_an_edge_that_lost_the_bundle_gets_it_again(api, acme, running, edge):
    keep(api, acme)
    publish(api, running)
    carry_out(edge, running)
    edge.contents.clear()
    api.post(f"tenants/{running.pk}/stop")
    carry_out(edge, running)
    assert edge.contents
    assert fresh(running).status == "stopped"


def test_what_the_manager_refuses_is_told_and_what_runs_is_wanted_again(api, acme, running, edge, alice):
    file = keep(api, acme)
    publish(api, running)
    carry_out(edge, running)
    before = content_of(api, running)["applied"]
    api.post(f"content-files/{file}/versions", {"text": "alice:\n"})
    publish(api, running)
    deliver()
    reconcile(running.pk)
    edge.refuse_content(running.pk, "admins: the manager can't compile it.")
    read_feed()
    failed = operation_of(running)
    assert (failed.state, failed.error["message"]) == ("failed", "admins: the manager can't compile it.")
    told = content_of(api, running)
    assert (told["wanted"], told["applied"]) == (before, before)
    with all_rows():
        kept = AuditEntry.objects.get(action="tenants.tenant.content_kept")
        assert kept.data["content"] == before
    assert api.post(f"operations/{failed.pk}/retry").status_code == 409
    page = session_of(alice).get(f"/t/{running.pk}/content/").content.decode()
    assert "admins: the manager can&#x27;t compile it." in page


def test_one_returns_to_an_earlier_bundle_whatever_became_of_its_files(api, acme, running, edge):
    file = keep(api, acme)
    publish(api, running)
    carry_out(edge, running)
    first = content_of(api, running)["applied"]
    api.post(f"content-files/{file}/versions", {"text": "bob:\n"})
    publish(api, running)
    carry_out(edge, running)
    api.send("DELETE", f"content-files/{file}")
    bundles = api.get(f"tenants/{running.pk}/content/bundles").json()["results"]
    assert [each["digest"] == first for each in bundles] == [False, True]
    with rls.acting_as(f"org:{running.organization_id}"):
        assert publishing.before(fresh(running)).digest == first
    preview = api.post(f"tenants/{running.pk}/content/publish?validate_only=true", {"bundle": bundles[1]["id"]}).json()
    assert "+alice:admin" in preview["changes"][0]["diff"]
    assert publish(api, running, bundle=bundles[1]["id"]).status_code == 202
    carry_out(edge, running)
    assert content_of(api, running)["applied"] == first


def test_withdrawing_everything_and_publishing_leaves_nothing(api, acme, running, edge):
    file = keep(api, acme)
    publish(api, running)
    carry_out(edge, running)
    api.send("DELETE", f"content-files/{file}")
    assert publish(api, running).status_code == 202
    carry_out(edge, running)
    assert edge.contents[running.pk, content_of(api, running)["applied"]] == []


def test_there_has_to_be_something_to_publish(api, acme, running, edge):
    assert publish(api, running).json()["code"] == "NOT_POSSIBLE_NOW"
    keep(api, acme)
    publish(api, running)
    carry_out(edge, running)
    again = publish(api, running)
    assert (again.status_code, again.json()["code"]) == (409, "NOT_POSSIBLE_NOW")


def test_one_change_at_a_time(api, acme, running, edge):
    keep(api, acme)
    publish(api, running)
    assert publish(api, running).json()["code"] == "OPERATION_IN_PROGRESS"


def test_what_was_not_handed_over_can_be_cancelled(api, acme, running, edge):
    keep(api, acme)
    operation = publish(api, running).json()["operation"]["id"]
    assert api.post(f"operations/{operation}/cancel").status_code == 202
    assert content_of(api, running)["wanted"] is None


def test_files_that_do_not_go_together_are_named(api, acme, running, alice_acts):
    rules = '<group name="a,">\n<rule id="100100" level="5"/>\n</group>'
    keep(api, acme, text=rules, name="a.xml", kind="rules")
    own = keep(api, acme, text=rules.replace("100100", "100101"), name="b.xml", kind="rules")
    with all_rows():  # as where a provider takes an id later than its client
        ContentFile.objects.get(pk=own).versions.update(text=rules)
    refused = publish(api, running)
    assert (refused.status_code, refused.json()["code"]) == (422, "INVALID_CONTENT")
    assert "b.xml: Line 2: rule 100100 stands in a.xml as well" in refused.json()["errors"][0]["message"]


def test_in_the_window_what_was_asked_for_is_what_begins(api, acme, running):
    file = keep(api, acme)
    window = {"days": ["sun"], "start": "02:00", "minutes": 60, "time_zone": "UTC"}
    api.send("PATCH", f"tenants/{running.pk}", {"maintenance_window": window})
    asked = publish(api, running, when="window").json()["operation"]
    assert asked["state"] == "scheduled"
    api.post(f"content-files/{file}/versions", {"text": "bob:\n"})
    assert operation_of(running).arguments["content"] == asked["arguments"]["content"]
    assert content_of(api, running)["wanted"] is None


def test_an_erased_tenants_content_is_forgotten(api, acme, running, edge, alice_acts):
    keep(api, acme)
    api.post(f"tenants/{running.pk}/content-files", {"kind": "lists", "name": "own", "text": LIST})
    publish(api, running)
    carry_out(edge, running)
    with rls.acting_as(f"org:{running.organization_id}"):
        mirror.bury(mirror.locked(running.pk))
    deliver()
    with all_rows():
        assert not ContentBundle.objects.filter(tenant=running).exists()
        assert list(ContentFile.objects.values_list("name", flat=True)) == ["admins"]


class TestManyAtOnce:
    def test_each_gets_its_own_operation_or_its_own_reason(self, api, acme, running, new_tenant, edge):
        keep(api, acme)
        busy = new_tenant("Plant")[0]
        chosen = [running.pk, busy.pk, "aaaaaaaaaaaaaaaaaaaaaaaaaa"]
        answer = api.post(f"organizations/{acme.pk}/content/publish", {"tenants": chosen})
        results = {each["tenant"]: each for each in answer.json()["results"]}
        assert results[running.pk]["operation"]["kind"] == CONTENT
        assert results[running.pk]["problem"] is None
        assert results[busy.pk]["problem"]["code"] == "OPERATION_IN_PROGRESS"
        assert results["aaaaaaaaaaaaaaaaaaaaaaaaaa"]["problem"]["status"] == 404

    def test_a_preview_begins_nothing(self, api, acme, running):
        keep(api, acme)
        path = f"organizations/{acme.pk}/content/publish?validate_only=true"
        told = api.post(path, {"tenants": [running.pk]}).json()["results"][0]
        assert told["operation"]["kind"] == CONTENT
        assert content_of(api, running)["wanted"] is None
        with all_rows():
            assert not ContentBundle.objects.exists()

    def test_a_provider_reaches_its_clients_tenants_and_nobody_elses(
        self, program_of, running, acme, edge, alice, cell
    ):
        petra = person("petra")
        with all_rows():
            msp = found(petra, "Northwatch", kind="msp")
            client = found_client(msp, petra, alice, "Client")
        provider, clients = program_of(petra, msp), program_of(alice, client)
        made = clients.post("tenants", {"organization": client.pk, "name": "Shop"}).json()["tenant"]["id"]
        keep(provider, msp)
        chosen = {"tenants": [made, running.pk]}
        results = provider.post(f"organizations/{msp.pk}/content/publish", chosen).json()["results"]
        assert [each["problem"]["code"] for each in results] == ["OPERATION_IN_PROGRESS", "NOT_FOUND"]


class TestPages:
    @pytest.fixture
    def published(self, api, acme, running, edge):
        """A tenant with two bundles, of which the second runs."""
        file = keep(api, acme)
        publish(api, running)
        carry_out(edge, running)
        api.post(f"content-files/{file}/versions", {"text": "bob:\n"})
        publish(api, running)
        carry_out(edge, running)
        return running

    def test_the_tenants_page_leads_back_to_what_was_there_before(self, alice, published, edge, api):
        browser = session_of(alice)
        first = api.get(f"tenants/{published.pk}/content/bundles").json()["results"][1]
        page = browser.get(f"/t/{published.pk}/content/").content.decode()
        assert f"Roll back to {first['digest'][:12]}" in page
        assert "+alice:admin" in browser.get(f"/t/{published.pk}/content/bundles/{first['id']}/").content.decode()
        back = browser.post(f"/t/{published.pk}/content/bundles/{first['id']}/return/", {"when": "now"})
        assert back["Location"] == f"/t/{published.pk}/"
        carry_out(edge, published)
        assert content_of(api, published)["applied"] == first["digest"]

    def test_a_change_is_shown_and_published(self, alice, published, edge, api):
        browser = session_of(alice)
        inherited = browser.get(f"/t/{published.pk}/content/new/?kind=lists&name=admins").content.decode()
        assert "bob:" in inherited
        own = {"kind": "lists", "name": "admins", "text": "carol:\r\n"}
        assert browser.post(f"/t/{published.pk}/content/new/", own).status_code == 302
        page = browser.get(f"/t/{published.pk}/content/").content.decode()
        assert "+carol:" in page
        assert browser.post(f"/t/{published.pk}/content/publish/", {"when": "now"}).status_code == 302
        carry_out(edge, published)
        digest = content_of(api, published)["applied"]
        assert edge.contents[published.pk, digest][0]["text"] == "carol:\n"

    def test_faults_are_told_on_the_form_and_what_was_typed_stays(self, alice, acme):
        rules = '<group name="a,">\n<rule id="5" level="99"/>\n</group>'
        answer = session_of(alice).post(f"/o/{acme.pk}/content/new/", {"kind": "rules", "name": "a.xml", "text": rules})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert "a.xml: Line 2: Rule 5: rules of your own have ids from 100000 to 120000" in page
        assert "level=&quot;99&quot;" in page

    def test_chosen_tenants_get_it_from_the_organizations_page(self, alice, acme, published, api, edge):
        api.post(f"organizations/{acme.pk}/content-files", {"kind": "lists", "name": "more", "text": LIST})
        browser = session_of(alice)
        assert "Changes to publish" in browser.get(f"/o/{acme.pk}/content/publish/").content.decode()
        answer = browser.post(f"/o/{acme.pk}/content/publish/", {"tenants": [published.pk], "when": "now"})
        assert "Begun" in answer.content.decode()
        carry_out(edge, published)
        assert "As published" in browser.get(f"/o/{acme.pk}/content/publish/").content.decode()


def test_an_export_that_is_made_is_not_in_the_way(api, acme, alice, running):
    keep(api, acme)
    assert api.post(f"tenants/{running.pk}/exports").status_code == 202
    page = session_of(alice).get(f"/t/{running.pk}/content/").content.decode()
    assert "Publish once it has ended" not in page
    assert publish(api, running).status_code == 202
