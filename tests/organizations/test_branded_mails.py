"""Mails of an organization carry its brand, and say who sends them where the address is not the organization's own."""

from typing import Any

import pytest

from controlplane import mail, rls
from controlplane.mail import OURS, Sender
from controlplane.models import Mail
from organizations.branding import colours
from organizations.models import Organization, User
from tests.database import all_rows
from tests.organizations.test_branding import PLUM, brand
from tests.organizations.test_mail_senders import sent as message_of

# What is due to be sent is judged by the database's clock, which stands still within a transaction.
pytestmark = pytest.mark.django_db(transaction=True)


def sent(organization_id: str | None, **more: Any) -> str:
    """The HTML of a mail of an organization, or of the platform, as it leaves."""
    return str(message_of(organization_id, **more).alternatives[0].content)


def test_it_has_the_brands_name_and_colour_and_who_sends_it(acme: Organization, alice: User) -> None:
    plain = sent(acme.pk)
    assert f'color="{colours.OURS["accent"]}" size="4"><b>Garrison</b>' in plain
    assert "Sent by" not in plain
    brand(alice, acme, "Acme <Shield>", **PLUM)
    branded = sent(acme.pk)
    assert 'color="#701a75" size="4"><b>Acme &lt;Shield&gt;</b>' in branded
    assert "Sent by Garrison for Acme &lt;Shield&gt;." in branded
    assert colours.OURS["accent"] not in branded


def test_a_clients_mails_carry_its_msps(acme: Organization, msp: Organization, paula: User) -> None:
    brand(paula, msp, "Northwatch Security")
    assert "<b>Northwatch Security</b>" in sent(acme.pk)


def test_a_brand_that_is_called_as_an_address_becomes_no_link(acme: Organization, alice: User) -> None:
    brand(alice, acme, "You won: evil.example/prize")
    assert "evil.example" not in sent(acme.pk)


def test_mails_of_the_platform_and_what_is_said_in_its_own_name_carry_none(acme: Organization, alice: User) -> None:
    brand(alice, acme)
    for page in (sent(None), sent(acme.pk, in_own_name=False)):
        assert "<b>Garrison</b>" in page
        assert "Acme Shield" not in page


def test_from_an_address_of_the_organizations_own_nobody_else_is_named(acme: Organization, alice: User) -> None:
    brand(alice, acme)
    with rls.acting_as(f"org:{acme.pk}"):
        written = mail.write(
            to="carol@example.test", template="join_declined", context={"organization": "Acme"}, organization_id=acme.pk
        )
    with all_rows():
        kept, look = Mail.objects.get(pk=written.pk), mail.letterhead_of(written)
    assert look != OURS
    own = mail.as_message(kept, Sender("Acme", "soc@acme.example"), look)
    assert "Sent by" not in str(own.alternatives[0].content)
    ours = mail.as_message(kept, Sender("Acme"), look)
    assert "Sent by Garrison for Acme Shield." in str(ours.alternatives[0].content)
