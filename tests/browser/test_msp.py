"""What an MSP does with its clients: brings them in, asks for settings, reports; and how whoever asks is told."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import on_every_screen
from tests.browser.world import World
from tests.organizations.account_steps import mails_to

pytestmark = [pytest.mark.timeout(180), on_every_screen]


def test_a_client_is_brought_in_whole_by_one_form(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.msp.pk}/clients/new/", by=world.paula)
    page.get_by_label("Name of the client").fill("Juniper Clinics")
    page.get_by_label("Your id for them").fill("crm-77")
    page.get_by_label("Template").select_option(label="Small offices")
    page.get_by_label("First tenant").fill("Praxis")
    page.get_by_label("The client's own people").fill("it@juniper.example")
    page.get_by_role("button", name="Add client").click()
    expect(page.get_by_role("heading", name="Juniper Clinics is your client")).to_be_visible()
    expect(page.locator("#token-secret")).to_contain_text("enr_")
    page.goto(f"/o/{world.msp.pk}/")
    expect(page.get_by_role("row", name="Juniper Clinics")).to_contain_text("Praxis")


@pytest.mark.usefixtures("faults_expected")
def test_a_file_of_clients_is_foreseen_line_by_line_and_nothing_is_made_of_a_faulty_one(
    world: World, visit: Callable[..., Page]
) -> None:
    page = visit(f"/o/{world.msp.pk}/clients/imports/", by=world.paula)
    page.get_by_label("Or its lines").fill("external_id,name,template\nc-1,Larch Optics,Small offices\nc-2,,Nowhere\n")
    page.get_by_role("button", name="Show what it would make").click()
    expect(page.get_by_role("alert").first).to_contain_text("1 of 2 lines needs mending. Nothing was made.")
    page.get_by_label("Or its lines").fill("external_id,name,template\nc-1,Larch Optics,Small offices\n")
    page.get_by_role("button", name="Show what it would make").click()
    page.get_by_role("button", name="Bring in 1 client").click()
    expect(page.get_by_text("Larch Optics")).to_be_visible()


def test_a_template_says_who_differs_in_what_and_leads_to_the_roll_out(
    world: World, visit: Callable[..., Page]
) -> None:
    page = visit(f"/o/{world.msp.pk}/client-templates/{world.template.pk}/", by=world.paula)
    expect(page.get_by_role("row", name="Alder Dental Group")).to_contain_text("Sleep")
    page.get_by_role("link", name="Roll out").click()
    expect(page.get_by_role("cell", name="Alder production")).to_be_visible()


def test_a_report_is_planned_with_its_figures_shown_first_and_issued(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.msp.pk}/reports/new/", by=world.paula)
    page.get_by_label("Name", exact=True).fill("For the board")
    page.get_by_label("Alder Dental Group").check()
    page.get_by_role("button", name="Show the figures").click()
    expect(page.get_by_role("heading", name="The last whole span, as it would be told")).to_be_visible()
    page.get_by_role("button", name="Plan it").click()
    page.get_by_role("button", name=re.compile("Issue the last")).click()
    expect(page.get_by_role("button", name="PDF")).to_be_visible()


def test_whoever_asks_is_told_by_mail_once_their_address_was_confirmed(
    world: World, visit: Callable[..., Page]
) -> None:
    page = visit("/status/")
    page.get_by_role("link", name="By mail").click()
    page.get_by_label("E-mail address").fill("ops@elsewhere.example")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    page.goto(re.search(r"\]\(https?://[^/]+(/status/[^)]+)\)", mails_to("ops@elsewhere.example")[-1].body)[1])
    page.get_by_role("button", name="Yes, tell me").click()
    expect(page.get_by_role("heading", name="You are told", exact=True)).to_be_visible()
