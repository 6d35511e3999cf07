"""At an organization's own host name only its public pages answer, and no session begins, counts or is seen."""

import re

import pytest
from django.core import mail as django_mail
from django.test import Client
from django.urls import get_resolver

from controlplane import hosts, rls
from fleet.reports import links as report_links
from fleet.reports import plans
from organizations.hostnames import serving
from organizations.models import Grant, Hostname
from tenants.status import links as status_links
from tests.cast import session_of
from tests.database import all_rows
from tests.fleet.reports.conftest import issue, plan_for
from tests.tenants.conftest import AT_ACME, AT_MSP, AT_RIVAL, deliver

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]


@pytest.fixture(autouse=True)
def nobody_asked_yet():
    """How often a certificate was asked for is counted in the process."""
    hosts._asked.clear()


@pytest.fixture
def status(running, alice_acts):
    """The path of Acme's public status."""
    with rls.acting_as(alice_acts.rls_actor):
        return f"/status/t/{status_links.make(by=alice_acts, tenant=running, title='Acme monitoring')[1]}/"


@pytest.fixture
def report(planned, paula_acts):
    """The path of a public report of Northwatch's."""
    made = issue(paula_acts, planned)
    with rls.acting_as(paula_acts.rls_actor):
        return f"/reports/{report_links.make(by=paula_acts, report=made, days=30)[1]}/"


def get(path, host, client=None, **more):
    return (client or Client()).get(path, headers={"Host": host, **more})


def test_an_organizations_own_and_its_clients_pages_are_served_there_and_no_others(status, report):
    """The attack: one lures people with its own name to another's page, or has another's page under its own name."""
    served = {
        (host, path): get(path, host).status_code for host in (AT_MSP, AT_ACME, AT_RIVAL) for path in (status, report)
    }
    assert served == {
        (AT_MSP, status): 200,
        (AT_MSP, report): 200,
        (AT_ACME, status): 200,
        (AT_ACME, report): 404,
        (AT_RIVAL, status): 404,
        (AT_RIVAL, report): 404,
    }
    for rest in ("status.json", "feed.atom", "subscribe/"):
        assert get(f"{status}{rest}", AT_MSP).status_code == 200
        assert get(f"{status}{rest}", AT_RIVAL).status_code == 404


def test_a_client_that_ends_the_access_is_served_at_its_former_msps_name_no_more(status):
    assert get(status, AT_MSP).status_code == 200
    with all_rows():
        Grant.objects.all().delete()
    assert get(status, AT_MSP).status_code == 404
    assert get(status, AT_ACME).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/sign-in/",
        "/sign-up/",
        "/account/",
        "/api/v1/organizations",
        "/api/v1/openapi.json",
        "/admin/",
        "/status/",
        "/organizations/",
        "/search/",
        "/theme/",
        "/nowhere/",
        "/sso/platform/",
        "/invitations/x/",
        "/scim/v2/x/Users",
    ],
)
def test_nothing_of_the_portal_answers_there_not_even_to_who_is_signed_in(alice, path):
    browser = session_of(alice)
    for send in (browser.get, browser.post):
        answer = send(path, headers={"Host": AT_ACME})
        assert answer.status_code == 404
        assert not answer.cookies


def test_of_all_addresses_only_those_of_public_links_are_marked():
    marked = set()

    def collect(node, prefix=""):
        for pattern in node.url_patterns:
            route = prefix + str(pattern.pattern)
            if hasattr(pattern, "url_patterns"):
                collect(pattern, route)
            elif getattr(pattern.callback, "at_hostnames", False):
                marked.add(route)

    collect(get_resolver())
    assert {route for route in marked if not route.startswith("brand/")} == {
        "status/t/<str:status_token>/",
        "status/t/<str:status_token>/status.json",
        "status/t/<str:status_token>/feed.atom",
        "status/t/<str:status_token>/subscribe/",
        "status/subscriptions/<str:subscription_id>/<str:secret>/",
        "reports/<str:report_token>/",
        "reports/<str:report_token>/<str:form>/",
    }


def test_the_session_is_neither_seen_nor_set_there(alice, status):
    """The attack: whoever holds the DNS of a name, or stands in front of it, reads sessions or plants one."""
    browser = session_of(alice)
    at_portal, at_home = browser.get(status), get(status, AT_ACME, browser)
    assert at_portal.wsgi_request.user.is_authenticated
    assert not at_home.wsgi_request.user.is_authenticated
    assert set(at_home.cookies) <= {"csrf"}
    with_key = get(status, AT_ACME, Authorization="Bearer key_x")
    assert "Authorization" not in with_key.wsgi_request.headers


def test_the_front_page_leads_to_the_portals_sign_in_of_the_organization(acme):
    answer = get("/", AT_ACME)
    assert (answer.status_code, answer["Location"]) == (302, f"http://testserver/o/{acme.pk}/")
    led = Client().get(f"/o/{acme.pk}/")
    assert led["Location"].startswith("/sign-in/")


def test_a_file_of_a_report_is_taken_there_by_a_form_with_its_proof(report):
    browser = Client(enforce_csrf_checks=True)
    page = get(report, AT_MSP, browser)
    proof = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())[1]
    taken = browser.post(
        f"{report}pdf/", {"csrfmiddlewaretoken": proof}, headers={"Host": AT_MSP, "Origin": f"http://{AT_MSP}"}
    )
    assert taken.status_code == 200
    for origin in ("https://evil.example", f"http://{AT_RIVAL}", "null"):
        forged = browser.post(
            f"{report}pdf/", {"csrfmiddlewaretoken": proof}, headers={"Host": AT_MSP, "Origin": origin}
        )
        assert forged.status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"{AT_ACME}.evil.example",
        f"x.{AT_ACME}",
        f"{AT_ACME}:81",
        f"{AT_ACME}, testserver",
        f"{AT_ACME}@evil.example",
        f"{AT_ACME}.",
        "",
        "127.0.0.1",
    ],
)
def test_every_other_host_is_refused(status, host):
    answer = get(status, host)
    assert answer.status_code == 400
    assert "This address is not served here" in answer.content.decode()


def test_a_forwarded_host_opens_nothing(status):
    assert get("/sign-in/", "testserver", **{"X-Forwarded-Host": AT_ACME}).status_code == 200
    assert get(status, "evil.example", **{"X-Forwarded-Host": AT_ACME}).status_code == 400


def test_links_in_pages_and_feeds_stay_at_the_name_and_lead_to_nothing_that_is_not_there(status):
    assert f"http://{AT_ACME}{status}" in get(f"{status}feed.atom", AT_ACME).content.decode()
    page = get(status, AT_ACME).content.decode()
    for path in re.findall(r'(?:href|action)="(/[^"]*)"', page):
        assert get(path, AT_ACME).status_code in (200, 302, 405), path


def test_new_links_are_told_and_mailed_for_the_name(told, msp, paula_acts, alice, running):
    browser = session_of(alice)
    made = browser.post(
        f"/api/v1/tenants/{running.pk}/status/links", {"title": "Acme"}, content_type="application/json"
    ).json()
    assert made["address"].startswith(f"http://{AT_ACME}/status/t/")
    with rls.acting_as(paula_acts.rls_actor):
        plans.allow_address(by=paula_acts, organization=msp, email="board@acme.example")
    issue(paula_acts, plan_for(paula_acts, msp, addresses=["board@acme.example"]))
    deliver()
    (mailed,) = [each for each in django_mail.outbox if each.to == ["board@acme.example"]]
    assert f"http://{AT_MSP}/reports/" in mailed.body
    assert f'href="http://{AT_MSP}/reports/' in mailed.alternatives[0].content


def test_a_client_without_a_name_is_linked_to_at_its_msps(acme, alice):
    with all_rows():
        Hostname.objects.filter(organization=acme).delete()
    with rls.acting_as(f"user:{alice.pk}"):
        assert serving.address_for(acme.pk) == f"http://{AT_MSP}"


@pytest.fixture
def https(settings):
    """As production is: TLS ends in front."""
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 63_072_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


def test_plain_http_is_led_to_https_at_the_same_name(https, status):
    answer = get(status, AT_ACME)
    assert (answer.status_code, answer["Location"]) == (301, f"https://{AT_ACME}{status}")


def test_browsers_insist_on_tls_for_a_day_and_for_no_name_below(https, status):
    """The attack on a customer: their whole domain is bound to TLS for two years, and on a list for good."""
    answer = get(status, AT_ACME, **{"X-Forwarded-Proto": "https"})
    assert answer["Strict-Transport-Security"] == "max-age=86400"
    assert (
        "includeSubDomains" in Client().get(status, headers={"X-Forwarded-Proto": "https"})["Strict-Transport-Security"]
    )


@pytest.mark.parametrize(
    ("name", "status"), [(AT_ACME, 200), (AT_ACME.upper(), 200), ("evil.example", 404), ("", 404), ("testserver", 404)]
)
def test_certificates_are_made_for_proven_names_alone(name, status):
    answer = Client().get(hosts.ASK, {"domain": name}, headers={"Host": "10.0.0.7:8000"})
    assert (answer.status_code, answer.content) == (status, b"")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded"])
def test_whoever_comes_through_the_front_neither_asks_nor_uses_up_what_is_answered(header):
    """The attack: strangers ask so often that the front gets no answer, and nobody's name a certificate."""
    for _ in range(hosts.ASKED_A_SECOND + 5):
        answer = Client().get(hosts.ASK, {"domain": AT_ACME}, headers={header: "for=192.0.2.1"})
        assert answer.status_code == 404
    assert Client().get(hosts.ASK, {"domain": AT_ACME}).status_code == 200


def test_what_is_not_there_names_the_portal_as_little_as_the_rest():
    page = get("/sign-in/", AT_ACME).content.decode()
    assert "Garrison" not in page
    assert 'href="/"' not in page


def test_not_more_is_asked_than_certificates_are_needed(monkeypatch):
    monkeypatch.setattr(hosts.time, "monotonic", lambda: 1000.0)
    answers = [Client().get(hosts.ASK, {"domain": f"x{number}.example"}).status_code for number in range(22)]
    assert answers == [404] * hosts.ASKED_A_SECOND + [429] * 2
    monkeypatch.setattr(hosts.time, "monotonic", lambda: 1001.5)
    assert Client().get(hosts.ASK, {"domain": AT_ACME}).status_code == 200
