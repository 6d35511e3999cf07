"""Reports by pages and by API: the same by both."""

import re

import pytest
from django.test import Client

from fleet.reports.models import ReportPlan
from tests.cast import session_of
from tests.database import all_rows

pytestmark = pytest.mark.django_db


def test_pages_show_plan_issue_and_file(planned, paula, msp):
    browser = session_of(paula)
    listing = browser.get(f"/o/{msp.pk}/reports/").content.decode()
    assert "Monthly" in listing
    asked = {"name": "Weekly", "parts": ["summary"], "every": "weekly", "time_zone": "UTC", "active": "on"}
    preview = browser.post(f"/o/{msp.pk}/reports/new/", {**asked, "preview": "1"})
    assert "Office" in preview.content.decode()
    with all_rows():
        assert ReportPlan.objects.count() == 1
    assert browser.post(f"/o/{msp.pk}/reports/new/", asked).status_code == 302
    assert browser.post(f"/o/{msp.pk}/reports/new/", {**asked, "time_zone": "Moon"}).status_code == 422
    gone = browser.post(f"/o/{msp.pk}/reports/plans/{planned.pk}/issue/")
    page = browser.get(gone["Location"]).content.decode()
    assert 'data-l="Newest one" class="num">not known<' in page, "on a phone each figure says what it is"
    pdf = browser.post(f"{gone['Location']}pdf/")
    assert pdf["Content-Type"] == "application/pdf"
    shown = browser.post(f"{gone['Location']}links/", {"days": "7"}).content.decode()
    token = re.search(r"/reports/(rlk_\w+)/", shown)[1]
    assert Client().get(f"/reports/{token}/").status_code == 200


def test_programs_do_the_same(planned, msp, paula, program_of, outsider):
    program = program_of(paula, msp)
    base = f"organizations/{msp.pk}"
    terms = {"name": "Weekly", "parts": ["summary", "usage"], "every": "weekly"}
    foreseen = program.post(f"{base}/report-plans?validate_only=true", terms).json()
    assert [each["name"] for each in foreseen["clients"]] == ["Acme"]
    plan = program.post(f"{base}/report-plans", terms)
    assert plan.status_code == 201
    wrong = program.post(f"{base}/report-plans", {**terms, "clients": ["org_nothing"], "time_zone": "Moon"})
    assert {each["field"] for each in wrong.json()["errors"]} == {"clients", "time_zone"}
    one = f"{base}/report-plans/{plan.json()['id']}"
    assert program.send("PUT", one, {**terms, "active": False}).json()["active"] is False
    report = program.post(f"{one}/issue").json()
    read = f"{base}/reports/{report['id']}"
    assert program.get(read).json()["figures"]["clients"][0]["tables"][0]["part"] == "summary"
    assert program.get(f"{read}/file", form="csv")["Content-Type"] == "text/csv; charset=utf-8"
    assert program.get(f"{read}/file", form="exe").status_code == 400
    link = program.post(f"{read}/links", {"days": 7}).json()
    assert Client().get(link["address"].removeprefix("http://testserver")).status_code == 200
    assert program.send("DELETE", f"{read}/links/{link['id']}").status_code == 204
    assert program.send("DELETE", one).status_code == 204
    assert program.get(read).json()["plan"] is None
    assert outsider.get(read).status_code == 404
