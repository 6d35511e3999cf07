"""Clients brought in: one by a form, whole or not at all; many by a file, line by line, none twice."""

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from structlog.testing import capture_logs

from controlplane import rls
from controlplane.models import AuditEntry, Mail
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from fleet.client_templates import actions as templates
from fleet.client_templates.models import TemplateUse
from fleet.onboarding import imports, running, tasks
from fleet.onboarding.actions import onboard
from fleet.onboarding.lines import COLUMNS, LARGEST_TEXT, MOST_LINES, SAMPLE, read
from fleet.onboarding.models import ClientImport, ClientImportLine
from fleet.onboarding.wanted import Wanted
from organizations.actions import keys
from organizations.models import ClientName, Grant, Invitation, Organization
from tenants.enrollment.models import EnrollmentToken
from tenants.provisioning.models import Operation, Tenant
from tests.cast import actor_for, join, person, session_of
from tests.database import all_rows
from tests.fleet.client_templates.conftest import WINDOW
from tests.tenants.conftest import program_of

__all__ = ["program_of"]
pytestmark = pytest.mark.django_db

WHOLE = Wanted("Juniper", "crm-1", "eu", tenant="Production", administrators=("ann@juniper.example",))
NAMES = "external_id,name,template,tenant,administrators"
TWO = f"{NAMES}\ncrm-1,Juniper,Offices,Production,ann@juniper.example\ncrm-2,Larch,,,\n"


@pytest.fixture
def as_paula(msp, paula, cell):
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        type(cell).objects.filter(pk=cell.pk).update(jurisdiction="eu")
        yield actor


@pytest.fixture
def offices(msp, as_paula):
    settings = {
        **{"ring": "early", "maintenance_window": WINDOW, "protected": True, "sleep_after_minutes": 60},
        **{"version": "4.14.6", "retention_days": 3, "plan": "large", "role_ceiling": "operator"},
        "backups": {"every_hours": 12, "keep": 10},
        "enrollment_token": {"expires_in_days": 7, "max_uses": 9, "groups": ["offices"]},
    }
    return templates.create(by=as_paula, msp=msp, name="Offices", settings=settings)


def with_template(template, **more) -> Wanted:
    return Wanted.read({**WHOLE.as_json(), "template": template.pk, **more})


def made() -> dict[str, int]:
    """How many of everything there is."""
    with all_rows():
        kinds = (Organization, Grant, ClientName, TemplateUse, Tenant, Operation, EnrollmentToken, Invitation, Mail)
        return {kind.__name__: kind.objects.count() for kind in kinds}


# One by itself


def test_one_has_all_that_its_template_asks_for_and_its_people_are_invited(msp, as_paula, offices):
    done = onboard(by=as_paula, msp=msp, wanted=with_template(offices))
    tenant = Tenant.objects.get(pk=done.tenant.pk)
    assert (tenant.ring, tenant.maintenance_window, tenant.protected) == ("early", WINDOW, True)
    assert (tenant.spec["version"], tenant.spec["retention_days"]) == ("4.14.6", 3)
    assert (tenant.sleep_after_minutes, tenant.spec["backups"]) == (60, {"every_hours": 12, "keep": 10})
    assert (done.operation.kind, done.token.max_uses, done.token.groups) == ("create", 9, ["offices"])
    assert done.secret.startswith("enr_")
    assert [(each.email, each.role) for each in done.invitations] == [("ann@juniper.example", "owner")]
    with all_rows():
        grant = Grant.objects.get(client=done.client)
        told = AuditEntry.objects.filter(organization_id=done.client.pk, action="organizations.grant.create").get()
    assert (grant.role_ceiling, told.data["role_ceiling"], done.client.jurisdiction) == ("operator", "operator", "eu")
    assert TemplateUse.objects.get(client=done.client).template == offices


def test_what_fails_at_the_end_leaves_nothing_of_the_beginning(msp, as_paula, offices):
    before = made()
    with pytest.raises(Invalid):
        onboard(by=as_paula, msp=msp, wanted=with_template(offices, administrators=["maria@example.test"]))
    templates.change(by=as_paula, template=offices, name="Offices", parent=None, settings={"retention_days": 3000})
    with pytest.raises(Invalid):
        onboard(by=as_paula, msp=msp, wanted=with_template(offices))
    assert made() == before


def test_an_external_id_is_a_clients_once(msp, as_paula):
    onboard(by=as_paula, msp=msp, wanted=WHOLE)
    before = made()
    with pytest.raises(Conflict) as refused:
        onboard(by=as_paula, msp=msp, wanted=WHOLE)
    assert (refused.value.code, made()) == ("EXTERNAL_ID_TAKEN", before)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"external_id": "ä"}, "external_id"),
        ({"jurisdiction": "moon"}, "jurisdiction"),
        ({"template": "tpl_unknown"}, "template"),
        ({"tenant": "x" * 200}, "tenant"),
        ({"administrators": ["not an address"]}, "administrators"),
        ({"administrators": [f"a{n}@x.example" for n in range(11)]}, "administrators"),
        ({"role_ceiling": "king"}, "role_ceiling"),
    ],
)
def test_what_can_not_be_is_refused_at_its_field(msp, as_paula, wrong, field):
    with pytest.raises(Invalid) as refused:
        onboard(by=as_paula, msp=msp, wanted=Wanted.read({**WHOLE.as_json(), **wrong}))
    assert field in {each.field for each in refused.value.errors}


def test_an_admin_of_the_msp_is_told_what_their_role_leaves_out(msp, paula, offices):
    ada = person("ada")
    join(msp, invited_by=paula, user=ada, role="admin")
    by = actor_for(ada)
    with rls.acting_as(by.rls_actor):
        done = onboard(by=by, msp=msp, wanted=with_template(offices))
    assert "billing.manage" in done.not_had[0]
    assert {each.role for each in done.invitations} == {"admin"}


def test_an_operator_and_who_is_outside_bring_nobody_in(msp, maria, mallory, alice, acme):
    for user, refusal in ((maria, Forbidden), (mallory, NotFound), (alice, NotFound)):
        with rls.acting_as(actor_for(user).rls_actor), pytest.raises(refusal):
            onboard(by=actor_for(user), msp=msp, wanted=WHOLE)
    with rls.acting_as(actor_for(alice).rls_actor), pytest.raises(Conflict):
        onboard(by=actor_for(alice), msp=acme, wanted=WHOLE)


def test_after_the_founding_the_access_is_no_more_than_what_was_kept(msp, paula, as_paula):
    done = onboard(by=as_paula, msp=msp, wanted=Wanted("Juniper", role_ceiling="viewer"))
    browser = session_of(paula, working_in=done.client)
    assert browser.get(f"/o/{done.client.pk}/members/").status_code == 200
    assert browser.get(f"/o/{done.client.pk}/tenants/new/").status_code == 403


def test_a_person_fills_in_one_form_and_sees_what_was_made_and_the_token_once(msp, paula, offices, as_paula):
    browser, path = session_of(paula), f"/o/{msp.pk}/clients/new/"
    assert "Offices" in browser.get(path).content.decode()
    asked = {"name": "Juniper", "external_id": "crm-1", "jurisdiction": "eu", "template": offices.pk}
    page = browser.post(path, {**asked, "tenant": "Production", "administrators": "ann@juniper.example\nb@x.example"})
    text = page.content.decode()
    assert (page.status_code, text.count("is invited as owner"), "enr_" in text) == (200, 2, True)
    again = browser.post(path, asked)
    assert (again.status_code, "external_id" in again.context["form"].errors) == (422, True)
    client = Organization.objects.get(name="Juniper")
    assert "enr_" not in browser.get(f"/o/{client.pk}/").content.decode()


def test_a_program_tries_it_out_and_does_it(msp, paula, offices, as_paula, program_of):
    api, path = program_of(paula, msp), f"organizations/{msp.pk}/onboardings"
    asked = {"name": "Juniper", "external_id": "crm-1", "jurisdiction": "eu", "tenant": "Production"}
    before = made()
    would = api.post(f"{path}?validate_only=true", {**asked, "template": offices.pk})
    assert (would.status_code, would.json()["client"], would.json()["token"]) == (200, "", None)
    assert made() == before
    done = api.post(path, {**asked, "template": offices.pk, "administrators": ["ann@juniper.example"]})
    assert (done.status_code, done.json()["token"]["secret"][:4]) == (201, "enr_")
    assert api.get(done["Location"].removeprefix("/api/v1/")).json()["external_id"] == "crm-1"
    assert api.post(path, asked).status_code == 409


# Many by a file


def beat() -> None:
    for row in running.due():
        tasks.look_at_import(row["organization_id"], row["id"])


def outcomes(batch) -> list[tuple[int, str, str]]:
    with all_rows():
        return list(
            ClientImportLine.objects.filter(batch=batch).order_by("number").values_list("number", "state", "reason")
        )


def test_a_preview_names_lines_and_columns_and_makes_nothing(msp, as_paula, offices):
    text = f"{NAMES}\ncrm-1,Juniper,Offices,Production,ann@juniper.example\n,x,Nobody,,nobody\ncrm-1,Larch,,,\n"
    before = made()
    found = imports.preview(by=as_paula, msp=msp, text=text)
    assert [(each.line.number, {fault.field for fault in each.line.faults}) for each in found] == [
        (2, set()),
        (3, {"external_id", "name", "template", "administrators"}),
        (4, {"external_id"}),
    ]
    assert "Line 2 has it too." in [fault.message for fault in found[2].line.faults]
    with pytest.raises(Invalid) as refused:
        imports.start(by=as_paula, msp=msp, text=text)
    assert "lines.3.template" in {each.field for each in refused.value.errors}
    assert made() == before
    assert not ClientImport.objects.exists()


def test_each_line_is_made_and_the_same_file_twice_makes_nothing_twice(msp, as_paula, offices):
    first = imports.start(by=as_paula, msp=msp, text=TWO)
    beat()
    assert outcomes(first) == [(2, "done", ""), (3, "done", "")]
    assert ClientImport.objects.get(pk=first.pk).state == "finished"
    before = made()
    assert before["Tenant"] == before["Invitation"] == 1
    assert [each.is_known for each in imports.preview(by=as_paula, msp=msp, text=TWO)] == [True, True]
    again = imports.start(by=as_paula, msp=msp, text=TWO)
    beat()
    assert [state for _, state, _ in outcomes(again)] == ["done", "done"]
    assert "already" in outcomes(again)[0][2]
    assert made() == before
    assert made()["EnrollmentToken"] == 0


def test_the_id_of_a_client_that_ended_the_access_is_free(msp, as_paula):
    text = "external_id,name\ncrm-1,Juniper\n"
    first = imports.start(by=as_paula, msp=msp, text=text)
    beat()
    with all_rows():
        Grant.objects.filter(msp=msp).update(state="withdrawn")
    again = imports.start(by=as_paula, msp=msp, text=text)
    beat()
    assert outcomes(first) == outcomes(again) == [(2, "done", "")]
    with all_rows():
        assert Organization.objects.filter(name="Juniper").count() == 2


def test_a_line_that_fails_holds_up_no_other_and_is_tried_again(msp, as_paula, offices):
    text = f"{NAMES}\ncrm-1,Juniper,,,maria@example.test\ncrm-2,Larch,,,\n"
    batch = imports.start(by=as_paula, msp=msp, text=text)
    beat()
    assert [state for _, state, _ in outcomes(batch)] == ["failed", "done"]
    assert "maria@example.test" in outcomes(batch)[0][2]
    with all_rows():
        assert not Organization.objects.filter(name="Juniper").exists()
        msp.memberships.filter(user__email="maria@example.test").delete()
    batch.refresh_from_db()
    imports.retry(by=as_paula, batch=batch)
    beat()
    assert [state for _, state, _ in outcomes(batch)] == ["done", "done"]
    with pytest.raises(Conflict):
        imports.retry(by=as_paula, batch=batch)
    with all_rows():
        assert AuditEntry.objects.filter(action="fleet.client_import.finish", target=batch.pk).count() == 2


def test_a_worker_that_died_over_a_file_leaves_it_to_be_looked_at_again(msp, as_paula, offices, monkeypatch):
    def die(**_):
        raise SystemExit

    batch = imports.start(by=as_paula, msp=msp, text=TWO)
    monkeypatch.setattr(running, "onboard", die)
    with pytest.raises(SystemExit):
        beat()
    assert [state for _, state, _ in outcomes(batch)] == ["pending", "pending"]
    monkeypatch.undo()
    beat()
    assert [state for _, state, _ in outcomes(batch)] == ["done", "done"]


def test_a_fault_of_ours_fails_its_line_with_nothing_made_and_the_next_has_its_turn(
    msp, as_paula, offices, monkeypatch
):
    def faulty(**asked):
        made_of_it = onboard(**asked)
        if made_of_it.client.name == "Juniper":
            raise RuntimeError("a fault of ours")
        return made_of_it

    batch = imports.start(by=as_paula, msp=msp, text=TWO)
    monkeypatch.setattr(running, "onboard", faulty)
    with capture_logs() as logged:
        beat()
    (_, first, reason), (_, second, _) = outcomes(batch)
    assert (first, second, batch.pk in reason, "fault" in reason) == ("failed", "done", True, False)
    with all_rows():
        assert set(Organization.objects.filter(name__in=("Juniper", "Larch")).values_list("name", flat=True)) == {
            "Larch"
        }
    (told,) = [each for each in logged if each["log_level"] == "error"]
    assert (told["event"], told["line"], told["exc_info"]) == ("client_not_made", 2, True)
    monkeypatch.undo()
    batch.refresh_from_db()
    imports.retry(by=as_paula, batch=batch)
    beat()
    assert [state for _, state, _ in outcomes(batch)] == ["done", "done"]


def test_who_may_no_more_when_its_turn_comes_makes_nothing(msp, as_paula, paula, cell):
    ada = person("ada")
    join(msp, invited_by=paula, user=ada, role="admin")
    by = actor_for(ada)
    with rls.acting_as(by.rls_actor):
        batch = imports.start(by=by, msp=msp, text="external_id,name\ncrm-1,Juniper\n")
    with all_rows():
        msp.memberships.filter(user=ada).update(role="viewer")
    beat()
    assert [state for _, state, _ in outcomes(batch)] == ["failed"]


def test_a_revoked_key_makes_nothing_more(msp, as_paula, paula, program_of, cell):
    made_by = program_of(paula, msp).post(
        f"organizations/{msp.pk}/client-imports", {"csv": "external_id,name\ncrm-1,Juniper\n"}
    )
    with all_rows():
        key = keys.ApiKey.objects.get(organization=msp)
        type(key).objects.filter(pk=key.pk).update(revoked_at=key.created_at)
    beat()
    assert "does not work any more" in outcomes(made_by.json()["id"])[0][2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name\nJuniper\n",
        "external_id,name,colour\n1,Juniper,red\n",
        "external_id,name,name\n1,a,b\n",
        "external_id,name\n",
        'external_id,name\n1,"never closed\n',
        "external_id,name\n" + "".join(f"c{n},Client {n}\n" for n in range(MOST_LINES + 1)),
        "external_id,name\n1," + "x" * LARGEST_TEXT,
    ],
    ids=["nothing", "no id", "unknown column", "twice", "no line", "quote", "too many", "too large"],
)
def test_what_is_no_such_file_is_refused_as_a_whole(text):
    with pytest.raises(Invalid) as refused:
        read(text, {})
    assert refused.value.field == "csv"
    assert "Nothing was made." in refused.value.detail


def test_files_of_spreadsheets_are_read(msp):
    (line,) = read('\ufeffExternal_ID;Name;administrators\r\n"crm-1";"Juniper; Dental";"a@x.example"\r\n;;\r\n', {})
    assert (line.number, line.wanted.name, line.wanted.administrators) == (2, "Juniper; Dental", ("a@x.example",))
    assert not line.faults


def test_a_line_with_too_few_cells_says_so():
    (line,) = read("external_id,name,tenant\ncrm-1,Juniper\n", {})
    assert [fault.field for fault in line.faults] == [""]


def test_the_sample_is_a_file_that_can_be_read(msp, as_paula, offices):
    templates.create(by=as_paula, msp=msp, name="Small offices", settings={})
    assert [each.line.faults for each in imports.preview(by=as_paula, msp=msp, text=SAMPLE)] == [(), (), ()]
    assert tuple(next(csv.reader(io.StringIO(SAMPLE)))) == COLUMNS


def test_a_person_previews_begins_follows_and_takes_the_report(msp, paula, as_paula, offices):
    browser, path = session_of(paula), f"/o/{msp.pk}/clients/imports/"
    evil = "external_id,name\ncrm-1,=HYPERLINK(1)\n"
    upload = io.BytesIO(evil.encode())
    upload.name = "clients.csv"
    preview = browser.post(path, {"file": upload}).content.decode()
    assert "Bring in 1 client" in preview
    assert not ClientImport.objects.exists()
    begun = browser.post(path, {"csv": evil, "name": "clients.csv", "begin": "yes"})
    assert begun.status_code == 302
    page = begun["Location"]
    assert 'hx-trigger="every 5s"' in browser.get(page).content.decode()
    beat()
    assert "Done" in browser.get(page).content.decode()
    assert "clients.csv" in browser.get(path).content.decode()
    report = browser.get(f"{page}report/")
    assert "'=HYPERLINK(1)" in report.content.decode()
    assert browser.post(f"{page}retry/").status_code == 409
    bad = io.BytesIO("external_id,name\ncrm-2,Jörg\n".encode("latin-1"))
    bad.name = "x.csv"
    refused = browser.post(path, {"file": bad})
    assert (refused.status_code, "UTF-8" in refused.content.decode()) == (422, True)
    assert browser.post(path, {}).status_code == 422
    assert browser.get(f"{path}sample/").content.decode() == SAMPLE


def test_a_program_does_the_same_by_file(msp, paula, as_paula, offices, program_of):
    api, path = program_of(paula, msp), f"organizations/{msp.pk}/client-imports"
    would = api.post(f"{path}?validate_only=true", {"csv": "external_id,name\n,Juniper\n"})
    assert would.json()["lines"][0]["faults"][0]["column"] == "external_id"
    assert api.post(path, {"csv": "external_id,name\n,Juniper\n"}).status_code == 422
    done = api.post(path, {"csv": TWO, "name": "May"})
    assert done.status_code == 201
    one = done["Location"].removeprefix("/api/v1/")
    beat()
    assert api.get(one).json()["state"] == "finished"
    assert len(api.get(f"{one}/lines?state=done").json()["results"]) == 2
    assert api.get(f"{one}/lines?state=odd").status_code == 400
    assert api.get(f"{one}/report").content.decode().count("\n") == 3
    assert api.post(f"{one}/retry", {}).status_code == 409
    assert [each["id"] for each in api.get(path).json()["results"]] == [done.json()["id"]]
    assert done.json()["name"] == "May"


def test_a_long_file_is_paged_in_its_order_narrowed_by_state_and_counted_by_the_database(msp, paula, as_paula):
    text = "external_id,name\n" + "".join(f"c{n},Client {n}\n" for n in range(60))
    batch = imports.start(by=as_paula, msp=msp, text=text)
    ClientImportLine.objects.filter(batch=batch, number__gt=58).update(state="failed", reason="Odd")
    browser, path = session_of(paula), f"/o/{msp.pk}/clients/imports/{batch.pk}/"
    with CaptureQueriesContext(connection) as caught:
        first = browser.get(path).context
    about_lines = [each["sql"] for each in caught if 'FROM "fleet_clientimportline"' in each["sql"]]
    assert about_lines
    assert all("COUNT(" in sql or "LIMIT" in sql for sql in about_lines)
    assert [each["number"] for each in first["lines"]] == list(range(2, 52))
    assert [(state, count) for state, _, count in first["batch"]["counts"]] == [("pending", 57), ("failed", 3)]
    second = browser.get(f"{path}{first['page']['next']}").context
    assert [each["number"] for each in second["lines"]] == list(range(52, 62))
    failed = browser.get(path, {"state": "failed"}).context
    assert [each["number"] for each in failed["lines"]] == [59, 60, 61]
    assert browser.get(path, {"state": "odd"}).status_code == 400
    listed = browser.get(f"/o/{msp.pk}/clients/imports/").context["imports"]
    assert [(state, count) for state, _, count in listed[0]["counts"]] == [("pending", 57), ("failed", 3)]
