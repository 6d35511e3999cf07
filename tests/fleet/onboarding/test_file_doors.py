"""The pages and the API of files of clients."""

import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fleet.onboarding import imports
from fleet.onboarding.lines import SAMPLE
from fleet.onboarding.models import ClientImport, ClientImportLine
from tests.cast import session_of
from tests.fleet.onboarding.conftest import TWO, beat

pytestmark = pytest.mark.django_db


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
