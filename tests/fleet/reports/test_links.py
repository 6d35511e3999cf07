"""Public links of reports: they end, are counted and revoked, and show no more than their maker saw."""

import pytest
from django.test import Client
from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Forbidden, Invalid, NotFound
from fleet.reports import links, reading
from fleet.reports.models import ReportLink
from tests.database import all_rows
from tests.fleet.reports.conftest import HOUR, issue, limited

pytestmark = pytest.mark.django_db


def test_a_public_link_ends_is_counted_and_stands_in_the_trail(planned, msp, paula_acts):
    report = issue(paula_acts, planned)
    with rls.acting_as(paula_acts.rls_actor):
        link, token = links.make(by=paula_acts, report=report, days=30)
    visitor = Client()
    page = visitor.get(f"/reports/{token}/")
    assert "Office" in page.content.decode()
    assert (page["X-Robots-Tag"], page["Referrer-Policy"]) == ("noindex, nofollow", "same-origin")
    assert "no-store" in page["Cache-Control"]
    for form in ("pdf", "csv"):
        assert visitor.post(f"/reports/{token}/{form}/").status_code == 200
    assert visitor.post(f"/reports/{token}/exe/").status_code == 404
    with rls.acting_as(f"org:{msp.pk}"):
        assert ReportLink.objects.get(pk=link.pk).downloads == 2
        assert AuditEntry.objects.filter(action="fleet.report_link.download", target=link.pk).count() == 2
        ReportLink.objects.filter(pk=link.pk).update(expires_at=timezone.now() - HOUR)
    assert visitor.get(f"/reports/{token}/").status_code == 404
    assert visitor.post(f"/reports/{token}/pdf/").status_code == 404


def test_a_revoked_link_opens_nothing_and_its_token_is_kept_nowhere(planned, msp, paula_acts):
    report = issue(paula_acts, planned)
    with rls.acting_as(paula_acts.rls_actor):
        link, token = links.make(by=paula_acts, report=report, days=90)
        with all_rows():
            assert token not in str(list(ReportLink.objects.values()))
        links.revoke(by=paula_acts, report=report, link_id=link.pk)
        with pytest.raises(Invalid):
            links.make(by=paula_acts, report=report, days=91)
    with pytest.raises(NotFound):
        links.open_by(token)


def test_who_does_not_see_every_client_makes_no_link(planned, msp, maria, give_client, paula_acts):
    report = issue(paula_acts, planned)
    acting = limited(paula_acts, msp, maria, "operator", give_client("Birch"))
    with rls.acting_as(acting.rls_actor), pytest.raises(Forbidden):
        links.make(by=acting, report=report, days=1)


def test_a_link_shows_what_its_maker_saw_whatever_they_see_later(planned, msp, maria, acme, paula_acts):
    report = issue(paula_acts, planned)
    acting = limited(paula_acts, msp, maria, "billing", acme)
    with rls.acting_as(acting.rls_actor):
        _, token = links.make(by=acting, report=report, days=1)
    limited(paula_acts, msp, maria, "operator", acme)
    visitor = Client()
    page = visitor.get(f"/reports/{token}/").content.decode()
    file = visitor.post(f"/reports/{token}/csv/").content.decode("utf-8-sig")
    for text in (page, file):
        assert text.count(reading.NOT_BY_LINK) == 3
        assert "Failed sign-ins" not in text
        assert "Office" in text
