"""What of a report somebody reads: clients and tables that they see now."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlplane import rls
from controlplane.problems import Forbidden
from fleet.reports import files, issuing, links, making, plans, reading
from organizations.actions import custom_roles
from organizations.models import Membership
from tenants.provisioning.models import Tenant
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.fleet.reports.conftest import EVERYTHING, hidden, issue, limited, read, tables

pytestmark = pytest.mark.django_db

UNSEEN = ["agents", "alerts", "rules"]
"""What a billing member does not see elsewhere either."""


@pytest.fixture
def birch(give_client, give_tenant, alice, span):
    """Another client, with a tenant that was there in the time."""
    client = give_client("Birch")
    tenant = give_tenant(client, alice, "Mill")
    with all_rows():
        Tenant.objects.filter(pk=tenant.pk).update(created_at=span[0])
    return client


def test_whoever_only_operates_plans_nothing_and_reads(planned, msp, maria, paula_acts):
    report = issue(paula_acts, planned)
    operating = actor_for(maria)
    with rls.acting_as(operating.rls_actor):
        for act in (
            lambda: plans.create(by=operating, organization=msp, terms=EVERYTHING),
            lambda: plans.change(by=operating, plan=planned, terms=EVERYTHING),
            lambda: plans.delete(by=operating, plan=planned),
            lambda: issuing.issue_now(by=operating, plan=planned),
            lambda: links.make(by=operating, report=report, days=1),
        ):
            with pytest.raises(Forbidden):
                act()
    assert tables(read(operating, report)) == tables(report.figures)


def test_a_reader_with_a_set_of_clients_reads_of_those_alone(planned, msp, maria, birch, paula_acts):
    report = issue(paula_acts, planned)
    shown = read(limited(paula_acts, msp, maria, "operator", birch), report)
    assert [each["name"] for each in shown["clients"]] == ["Birch"]
    assert tables(shown, "Birch")["summary"][0][0] == "Mill"
    assert "Acme" not in str(shown)
    assert "Office" not in str(shown)


def test_who_sees_tenants_reads_of_clients_without_seeing_the_msps_people(planned, msp, maria, paula_acts):
    report = issue(paula_acts, planned)
    with rls.acting_as(paula_acts.rls_actor):
        own = custom_roles.create(by=paula_acts, organization=msp, name="Reader", permissions=["tenant.view"])
    with all_rows():
        Membership.objects.filter(user=maria, organization=msp).update(role=own.pk)
    assert tables(read(actor_for(maria), report))["summary"][0][0] == "Office"
    assert session_of(maria).get(f"/o/{msp.pk}/reports/{report.pk}/").status_code == 200


def test_a_table_is_hidden_from_whoever_lacks_its_permission_and_says_so(planned, msp, maria, paula_acts):
    report = issue(paula_acts, planned)
    with all_rows():
        Membership.objects.filter(user=maria, organization=msp).update(role="billing")
    shown = read(actor_for(maria), report)
    assert hidden(shown) == UNSEEN
    assert tables(shown)["backups"] == [["Office", 0, 1, None]]
    assert "Failed sign-ins" not in str(shown)
    assert hidden(read(paula_acts, report)) == []


def test_what_its_maker_did_not_see_is_hidden_from_everybody_and_is_not_called_nothing(
    planned, msp, maria, acme, paula_acts
):
    report = issue(limited(paula_acts, msp, maria, "billing", acme), planned)
    shown = read(paula_acts, report)
    assert hidden(shown) == UNSEEN
    assert making.NOT_THE_MAKERS in files.as_csv(shown, report.title).decode()


def test_pages_files_and_the_api_hide_the_same_tables(planned, msp, maria, paula, paula_acts, program_of):
    report = issue(paula_acts, planned)
    with all_rows():
        Membership.objects.filter(user=maria, organization=msp).update(role="billing")
    browser, address = session_of(maria), f"/o/{msp.pk}/reports/{report.pk}/"
    page, file = browser.get(address).content.decode(), browser.post(f"{address}csv/").content.decode("utf-8-sig")
    for text in (page, file):
        assert text.count(reading.NOT_YOURS) == len(UNSEEN)
        assert "Failed sign-ins" not in text
    assert browser.post(f"{address}pdf/").content.startswith(b"%PDF-")
    narrow = program_of(paula, msp, scopes=["tenant.view", "member.view"])
    told = narrow.get(f"organizations/{msp.pk}/reports/{report.pk}").json()["figures"]
    assert hidden(told) == UNSEEN


def test_lists_read_no_figures(planned, msp, paula, paula_acts):
    issue(paula_acts, planned)
    browser = session_of(paula)
    with CaptureQueriesContext(connection) as said:
        assert "Monthly, " in browser.get(f"/o/{msp.pk}/reports/").content.decode()
    asked = [each["sql"] for each in said if 'FROM "fleet_report"' in each["sql"]]
    assert asked
    assert not [sql for sql in asked if "figures" in sql]
