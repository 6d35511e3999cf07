"""A tenant's public status pages carry its organization's brand, the platform's none."""

import re

import pytest
from django.core import mail as django_mail
from django.test import Client

from controlplane import rls
from tenants.status import links
from tests.organizations.test_branding import brand
from tests.organizations.test_logos import picture, set_logo
from tests.tenants.conftest import deliver

pytestmark = pytest.mark.django_db


@pytest.fixture
def token(running, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        return links.make(by=alice_acts, tenant=running, title="Acme's security")[1]


def test_the_page_behind_a_public_link_carries_the_msps_brand_where_the_client_has_none(token, msp, acme, alice, paula):
    assert "· Garrison</title>" in Client().get(f"/status/t/{token}/").content.decode()
    brand(paula, msp, "Northwatch Security")
    page = Client().get(f"/status/t/{token}/").content.decode()
    assert "· Northwatch Security</title>" in page
    assert "Garrison" not in page
    brand(alice, acme, "Acme Shield")
    held = set_logo(alice, acme, "light", picture())
    page = Client().get(f"/status/t/{token}/").content.decode()
    assert f'src="/brand/{acme.pk}/{held.digest}.png" width="320" height="80" alt="Acme Shield"' in page
    assert Client().get(f"/brand/{acme.pk}/{held.digest}.png").status_code == 200


def test_so_do_the_pages_by_which_one_subscribes_to_it(token, acme, alice):
    brand(alice, acme, "Acme Shield")
    visitor = Client()
    asked = visitor.post(f"/status/t/{token}/subscribe/", {"email": "ida@example.test"}).content.decode()
    deliver()
    [mailed] = [each for each in django_mail.outbox if each.to == ["ida@example.test"]]
    address = re.search(r"\]\(http://testserver(/status/subscriptions/\S+/)\)", mailed.body)[1]
    asks = visitor.get(address).content.decode()
    done = visitor.post(address, {"act": "confirm"}).content.decode()
    for page in (visitor.get(f"/status/t/{token}/subscribe/").content.decode(), asked, asks, done):
        assert "· Acme Shield</title>" in page
        assert "Garrison" not in page


def test_the_platforms_own_pages_carry_none(token, acme, alice, cell):
    brand(alice, acme, "Acme Shield")
    for address in ("/status/", "/status/subscribe/", "/sign-in/"):
        page = Client().get(address).content.decode()
        assert "Acme Shield" not in page
        assert "· Garrison</title>" in page
