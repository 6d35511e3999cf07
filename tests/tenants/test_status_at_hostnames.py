"""Subscriptions to a tenant's status are confirmed and ended at the organization's host name, where mails lead."""

import re
from urllib.parse import urlsplit

import pytest
from django.core import mail as django_mail
from django.test import Client

from controlplane import rls
from organizations.hostnames import serving
from organizations.models import Grant, Hostname
from tenants.status import links, subscriptions
from tenants.status.models import StatusSubscription
from tests.database import all_rows
from tests.tenants.conftest import AT_ACME, AT_MSP, AT_RIVAL, deliver
from tests.tenants.test_tenant_status import turn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]

IDA = "ida@example.test"


@pytest.fixture
def subscribe(running, alice_acts):
    """The path by which one subscribes to Acme's public status."""
    with rls.acting_as(alice_acts.rls_actor):
        _, token = links.make(by=alice_acts, tenant=running, title="Acme monitoring")
    return f"/status/t/{token}/subscribe/"


def at(host, method, path, form=None, client=None):
    return getattr(client or Client(), method)(path, form, headers={"Host": host, "Origin": f"http://{host}"})


def mailed_to_ida():
    """What was mailed since this was asked last."""
    django_mail.outbox.clear()
    deliver()
    (mailed,) = [each for each in django_mail.outbox if each.to == [IDA]]
    return mailed


def linked_in(mailed):
    """Where a mail's button leads, in text and HTML alike."""
    address = re.search(r"\]\((http://\S+/)\)", mailed.body)[1]
    assert f'href="{address}"' in mailed.alternatives[0].content
    return address


def way_out_of(mailed):
    """Where mail programs post to."""
    return mailed.message()["List-Unsubscribe"].strip("<>")


def asked(subscribe):
    """The link by which Ida confirms, whom somebody subscribed at Acme's name."""
    at(AT_ACME, "post", subscribe, {"email": IDA})
    return urlsplit(linked_in(mailed_to_ida()))


def told():
    with all_rows():
        return list(StatusSubscription.objects.exclude(confirmed_at=None).values_list("email", flat=True))


def test_it_is_asked_for_confirmed_told_and_ended_there(subscribe, running, edge):
    link = asked(subscribe)
    assert link.netloc == AT_ACME
    visitor = Client(enforce_csrf_checks=True)
    page = at(AT_ACME, "get", link.path, client=visitor)
    proof = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())[1]
    at(AT_ACME, "post", link.path, {"act": "confirm", "csrfmiddlewaretoken": proof}, visitor)
    assert told() == [IDA]
    at(AT_ACME, "post", subscribe, {"email": IDA})
    assert urlsplit(linked_in(mailed_to_ida())).netloc == AT_ACME
    turn(edge, running, "degraded")
    of_trouble = urlsplit(linked_in(mailed_to_ida()))
    assert (of_trouble.netloc, of_trouble.path) == (AT_ACME, link.path)
    at(AT_ACME, "post", of_trouble.path, {"act": "end"})
    assert told() == []


def test_the_same_link_opens_at_the_portal_and_at_the_name_of_an_msp_whose_access_stands_alone(subscribe):
    """The attack: one lures whoever is told by another to a page under one's own name."""
    path = asked(subscribe).path
    hosts = ("testserver", AT_ACME, AT_MSP, AT_RIVAL)
    assert [at(host, "get", path).status_code for host in hosts] == [200, 200, 200, 404]
    assert at(AT_RIVAL, "post", path, {"act": "confirm"}).status_code == 404
    with all_rows():
        Grant.objects.all().delete()
    assert at(AT_MSP, "post", path, {"act": "confirm"}).status_code == 404
    assert told() == []


def test_the_platforms_subscriptions_are_at_no_organizations_name():
    subscriptions.ask(email=IDA, about=subscriptions.of_platform())
    link = urlsplit(linked_in(mailed_to_ida()))
    assert link.netloc == "testserver"
    assert at("testserver", "get", link.path).status_code == 200
    assert [at(host, "get", link.path).status_code for host in (AT_ACME, AT_MSP)] == [404, 404]


def test_what_mail_programs_post_to_stays_at_the_portal_and_outlives_the_name(subscribe, running, edge):
    """The attack on whoever is told: the name goes elsewhere, and nothing ends mails that they have."""
    link = asked(subscribe)
    at(AT_ACME, "post", link.path, {"act": "confirm"})
    turn(edge, running, "degraded")
    way_out = urlsplit(way_out_of(mailed_to_ida()))
    assert way_out.netloc == "testserver"
    assert at(AT_ACME, "post", way_out.path).status_code == 404
    with all_rows():
        Hostname.objects.all().delete()
    serving.forget()
    turn(edge, running, "running")
    assert urlsplit(linked_in(mailed_to_ida())).netloc == "testserver"
    assert at("testserver", "post", way_out.path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert told() == []
