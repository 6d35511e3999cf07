"""Reports as files: CSV that runs nothing, PDF that says what it is."""

import csv
import io
import re
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from fleet.reports import files
from tenants.provisioning.models import Tenant
from tests.cast import session_of
from tests.database import all_rows
from tests.fleet.reports.conftest import issue, plan_for

pytestmark = pytest.mark.django_db


def test_a_spreadsheet_runs_nothing_that_a_name_says(planned, paula_acts):
    with all_rows():
        Tenant.objects.all().update(name="=HYPERLINK(1)")
    report = issue(paula_acts, planned)
    text = files.as_csv(report.figures, report.title).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert ["Acme", "Backups", "'=HYPERLINK(1)", "0", "1", "not known"] in rows
    assert not [cell for row in rows for cell in row if cell.startswith("=")]


def test_a_pdf_says_its_title_language_and_maker_and_holds_names_of_every_latin_script(planned, paula_acts, msp):
    with all_rows():
        Tenant.objects.all().update(name="Gdańsk <b>&")
    report = issue(paula_acts, planned)
    made = files.as_pdf(report.figures, report.title)
    assert made.startswith(b"%PDF-")
    assert b"/Lang" in made
    assert b"/DisplayDocTitle true" in made
    assert report.title.encode() in made
    assert f"/Author ({msp.name})".encode() in made
    assert {b"Inter-Regular", b"Inter-SemiBold"} <= set(re.findall(rb"/BaseFont /\w+\+([\w-]+)", made))


def test_a_file_is_called_as_its_report_in_days_of_its_zone(told, msp, paula, paula_acts):
    report = issue(paula_acts, plan_for(paula_acts, msp, name="Łódź: a/b", time_zone="Europe/Berlin"))
    begins, ends = (each.astimezone(ZoneInfo("Europe/Berlin")) for each in (report.begins_at, report.ends_at))
    assert (begins.day, ends.day) == (1, 1)
    answer = session_of(paula).post(f"/o/{msp.pk}/reports/{report.pk}/csv/")
    expected = f"Łódź- a-b, {begins:%Y-%m-%d} to {ends:%Y-%m-%d}.csv"
    assert answer["Content-Disposition"] == f"attachment; filename*=utf-8''{quote(expected)}"
    assert report.title in answer.content.decode("utf-8-sig")
