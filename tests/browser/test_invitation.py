"""Real Chromium walks from an invitation's mail to the membership, and from a proven address to a request and in."""

import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from organizations.models import Domain, Organization, User
from tests.browser.conftest import PHONE
from tests.database import all_rows
from tests.organizations.account_steps import PASSWORD, mailed_code, mails_to

pytestmark = pytest.mark.timeout(180)
NORA, ANN = "nora@acme.example", "ann@acme.example"


@pytest.fixture
def domain(acme: Organization) -> Domain:
    """acme.example, which Acme has proven."""
    with all_rows():
        return Domain.objects.create(
            organization=acme, name="acme.example", state="proven", proven_at=timezone.now(), looked_at=timezone.now()
        )


def sign_up(page: Page, address: str) -> None:
    """From the question for an address to the account."""
    page.get_by_role("textbox", name="E-mail address").fill(address)
    page.get_by_role("button", name="Send the code").click()
    page.get_by_role("textbox", name="Code from the mail").fill(mailed_code(address))
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("textbox", name="Your name").fill(address.partition("@")[0].title())
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Use this password").click()


def newest_link(address: str) -> str:
    """The path of the button in the newest mail."""
    return re.search(r"\]\(https?://[^/]+(/[^)]+)\)", mails_to(address)[-1].body)[1]


def test_from_the_mail_through_the_sign_up_to_the_membership(
    acme: Organization, alice: User, visit: Callable[..., Page], pictures: Callable[[Page, str], None]
) -> None:
    owner = visit(f"/o/{acme.pk}/members/", by=alice)
    owner.get_by_label("Work e-mail addresses").fill(f"Nora <{NORA}>\nben@acme.example")
    owner.get_by_label("Role", exact=True).select_option("operator")
    owner.get_by_role("button", name="Invite").click()
    expect(owner.get_by_role("status", name="Notices")).to_contain_text("2 people are invited")
    expect(owner.get_by_text(re.compile("by Alice, sent"))).to_have_count(2)
    pictures(owner, "invitations")

    page = visit(newest_link(NORA))
    expect(page.get_by_role("heading", name="You have an invitation")).to_be_visible()
    assert "Acme" not in page.content()
    pictures(page, "invitation-stranger")
    page.get_by_role("link", name="I am new here").click()
    sign_up(page, NORA)
    expect(page.get_by_role("heading", name="Join Acme")).to_be_visible()
    expect(page.get_by_text("invites you as operator")).to_be_visible()
    pictures(page, "invitation")
    page.set_viewport_size(PHONE)
    pictures(page, "invitation-phone")
    page.get_by_role("button", name="Accept and join").click()
    expect(page.get_by_text("Your first Wazuh is a few minutes away")).to_be_visible()

    owner.reload()
    expect(owner.get_by_role("row", name="Nora")).to_contain_text("Operator")
    expect(owner.get_by_text("ben@acme.example")).to_be_visible()


@pytest.mark.usefixtures("faults_expected")
def test_lines_that_can_not_be_invited_stay_with_the_reason(
    acme: Organization, alice: User, visit: Callable[..., Page], pictures: Callable[[Page, str], None]
) -> None:
    page = visit(f"/o/{acme.pk}/members/", by=alice)
    page.get_by_label("Work e-mail addresses").fill(f"nonsense\n{NORA}\nbob@example.test")
    page.get_by_role("button", name="Invite").click()
    summary = page.get_by_role("alert").first
    expect(summary).to_contain_text("The others are invited.")
    expect(summary).to_contain_text("bob@example.test belongs to Acme already")
    assert page.get_by_label("Work e-mail addresses").input_value() == "nonsense\nbob@example.test"
    pictures(page, "invitations-refused")


def test_somebody_of_a_proven_domain_asks_is_let_in_and_told(
    acme: Organization,
    alice: User,
    domain: Domain,
    visit: Callable[..., Page],
    pictures: Callable[[Page, str], None],
) -> None:
    owner = visit(f"/o/{acme.pk}/domains/", by=alice)
    owner.get_by_label("People with such an address may ask to join").check()
    owner.get_by_role("button", name="Save").click()
    expect(owner.get_by_label("People with such an address may ask to join")).to_be_checked()
    pictures(owner, "domains-asking")

    page = visit("/sign-up/email/")
    sign_up(page, ANN)
    expect(page.get_by_role("heading", name="Your company is here already")).to_be_visible()
    pictures(page, "ask-to-join")
    page.get_by_role("button", name="Ask to join").click()
    expect(page.get_by_text(re.compile("You asked"))).to_be_visible()
    pictures(page, "asked-to-join")

    owner.goto(newest_link(alice.email))
    expect(owner.get_by_role("heading", name="They ask to join")).to_be_visible()
    owner.get_by_label("Role for Ann").select_option("operator")
    pictures(owner, "join-requests")
    owner.set_viewport_size(PHONE)
    pictures(owner, "join-requests-phone")
    owner.get_by_role("button", name="Let in").click()
    expect(owner.get_by_role("row", name="Ann")).to_contain_text("Operator")

    page.goto(newest_link(ANN))
    expect(page.get_by_text("Your first Wazuh is a few minutes away")).to_be_visible()
