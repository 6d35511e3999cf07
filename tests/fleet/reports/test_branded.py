"""Reports carry the brand of the MSP that makes them: the public page, and the file for people."""

import base64
import re
import zlib

import pytest
from django.test import Client

from controlplane import rls
from fleet.reports import files, links
from organizations.branding.queries import Printed
from tests.cast import session_of
from tests.fleet.reports.conftest import issue
from tests.organizations.test_branding import brand
from tests.organizations.test_logos import picture, set_logo

pytestmark = pytest.mark.django_db


def drawn(made: bytes) -> str:
    """What is drawn on the pages of a PDF: its streams, unfolded."""
    streams = re.findall(rb"/ASCII85Decode /FlateDecode.*?stream\r?\n(.*?)endstream", made, re.DOTALL)
    unfolded = (zlib.decompress(base64.a85decode(b"<~" + each.strip(), adobe=True)) for each in streams)
    return b"".join(unfolded).decode("latin-1")


def test_a_public_report_carries_the_msps_brand_and_not_the_products(planned, msp, paula, paula_acts):
    held = brand(paula, msp, "Northwatch Security")
    report = issue(paula_acts, planned)
    with rls.acting_as(paula_acts.rls_actor):
        _, token = links.make(by=paula_acts, report=report, days=30)
    page = Client().get(f"/reports/{token}/").content.decode()
    assert f'<link rel="stylesheet" href="/brand/{msp.pk}/{held.digest}.css">' in page
    assert "· Northwatch Security</title>" in page
    assert "Garrison" not in page
    assert Client().post(f"/reports/{token}/csv/").status_code == 200
    made = Client().post(f"/reports/{token}/pdf/").content
    assert b"/Creator (Northwatch Security)" in made


def test_without_a_brand_it_says_whose_it_is_and_whose_the_product_is(planned, msp, paula_acts):
    report = issue(paula_acts, planned)
    with rls.acting_as(paula_acts.rls_actor):
        _, token = links.make(by=paula_acts, report=report, days=30)
    page = Client().get(f"/reports/{token}/").content.decode()
    assert "· Garrison</title>" in page
    assert "/brand/" not in page
    assert b"/Creator (Garrison)" in Client().post(f"/reports/{token}/pdf/").content


def test_a_pdf_has_the_brands_colour_at_its_head_and_its_logo_in_place_of_the_name(planned, msp, paula, paula_acts):
    report = issue(paula_acts, planned)
    with_name = files.as_pdf(report.figures, report.title, Printed("Northwatch", "#ff0000", b""))
    assert "1 0 0 rg" in drawn(with_name)
    assert b"/Subtype /Image" not in with_name
    brand(paula, msp, "Northwatch Security")
    set_logo(paula, msp, "light", picture(size=(320, 80), colour="red"))
    answer = session_of(paula).post(f"/o/{msp.pk}/reports/{report.pk}/pdf/")
    assert answer.status_code == 200
    assert b"/Subtype /Image" in answer.content
    assert b"/Width 320" in answer.content
