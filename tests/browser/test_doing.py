"""What people do in the pages: create, retry, revoke, delete, invite; every refusal is said where it can be mended."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from organizations.models import User
from tests.browser.conftest import on_every_screen
from tests.browser.world import World, found, person
from tests.cast import join


def path_of(world: World, name: str, rest: str = "") -> str:
    return f"/t/{world.tenants[name].pk}/{rest}"


@on_every_screen
def test_a_tenant_is_created_after_its_price_was_shown(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.acme.pk}/", by=world.alice)
    page.get_by_role("link", name="Create tenant").click()
    expect(page.get_by_text("$97")).to_be_visible()
    page.get_by_label("Name").fill("Branch offices")
    page.get_by_role("button", name="Create tenant").click()
    expect(page.get_by_role("heading", name="Branch offices")).to_be_visible()
    expect(page.get_by_role("status", name="Notices")).to_contain_text("Branch offices is on its way")
    expect(page.get_by_role("region", name="Create tenant").get_by_text("Hand over")).to_be_visible()


def test_a_larger_plan_can_be_chosen_with_the_tenant(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.acme.pk}/tenants/new/", by=world.alice)
    page.get_by_label("Name").fill("Large one")
    page.get_by_role("radio", name=re.compile("Large")).check()
    page.get_by_role("button", name="Create tenant").click()
    expect(page.get_by_text("Plan Large")).to_be_visible()


def test_who_may_not_change_the_plan_sees_the_others_but_cannot_choose_them(
    world: World, visit: Callable[..., Page]
) -> None:
    client = world.clients["Halden Foods"]
    page = visit(f"/o/{client.pk}/tenants/new/", by=world.paula)
    expect(page.get_by_role("radio", name=re.compile("Large"))).to_be_disabled()
    expect(page.get_by_text("an owner can change it")).to_be_visible()


@pytest.mark.usefixtures("faults_expected")
def test_a_taken_name_is_told_at_the_field_and_summed_up_on_top(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.acme.pk}/tenants/new/", by=world.alice)
    page.get_by_label("Name").fill("Production")
    page.get_by_role("button", name="Create tenant").click()
    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("There is a tenant named Production already")
    summary.get_by_role("link", name="Name").click()
    assert page.evaluate("document.activeElement.name") == "name" or page.url.endswith("#id_name")
    assert page.get_by_label("Name").get_attribute("aria-invalid") == "true"
    assert page.get_by_label("Name").input_value() == "Production"


@on_every_screen
def test_a_token_is_shown_once_and_no_command_holds_it(world: World, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Production", "tokens/"), by=world.alice)
    page.get_by_role("link", name="Create token").click()
    page.get_by_label("Name").fill("Night shift")
    page.get_by_text("7 days").click()
    page.get_by_label("How many machines").fill("3")
    page.get_by_label("Labels").fill("site=Gdańsk")
    page.get_by_role("button", name="Create token").click()

    secret = page.locator("#token-secret").inner_text()
    assert secret.startswith(f"enr_{world.tenants['Production'].pk}_")
    expect(page.get_by_text("3 of 3")).to_be_visible()
    commands = page.locator(".pane code").all_text_contents()
    assert commands
    assert not any(secret in command or secret[-20:] in command for command in commands)

    page.get_by_role("link", name="I have saved it").click()
    expect(page.get_by_role("heading", name="Night shift")).to_be_visible()
    assert secret not in page.content()


def test_copying_puts_the_secret_on_the_clipboard_and_says_so(world: World, visit: Callable[..., Page]) -> None:
    page = visit(
        path_of(world, "Production", "tokens/new/"), by=world.alice, permissions=["clipboard-read", "clipboard-write"]
    )
    page.get_by_label("Name").fill("Copied")
    page.get_by_role("button", name="Create token").click()
    page.get_by_role("button", name="Copy token").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#token-secret").inner_text()


@pytest.mark.usefixtures("faults_expected")
def test_a_malformed_label_is_told_at_its_field(world: World, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Production", "tokens/new/"), by=world.alice)
    page.get_by_label("Name").fill("Odd")
    page.get_by_label("Labels").fill("no equals sign")
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_role("alert")).to_contain_text("write name=text")
    assert page.get_by_label("Labels").input_value() == "no equals sign"


def test_a_token_is_revoked_with_its_effect_said_first(world: World, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Production", f"tokens/{world.tokens['Warehouse laptops'].pk}/"), by=world.alice)
    page.get_by_role("button", name="Revoke…").click()
    expect(page.get_by_text("Agents that it enrolled stay connected.")).to_be_visible()
    page.get_by_role("button", name="Revoke Warehouse laptops").click()
    expect(page.get_by_text("Revoked", exact=True)).to_be_visible()


@on_every_screen
def test_a_failed_operation_says_what_happened_what_was_kept_and_goes_on(
    world: World, visit: Callable[..., Page]
) -> None:
    page = visit(path_of(world, "Eastlake production"), by=world.paula)
    expect(page.get_by_text("The indexer ended with code 1 while it was starting.").first).to_be_visible()
    expect(page.get_by_text("Kept and still in place: certificates.")).to_be_visible()
    page.get_by_role("button", name="Retry from indexer").click()
    expect(page.get_by_role("status", name="Notices")).to_contain_text("goes on from the step that failed")
    expect(page.get_by_role("button", name="Retry from indexer")).to_have_count(0)


def test_certificates_are_rotated_with_the_effect_said_first(world: World, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Production"), by=world.alice)
    page.get_by_role("button", name="Actions").click()
    page.get_by_role("button", name="Rotate certificates…").click()
    expect(page.get_by_text("If a node does not come up, the old certificates are put back.")).to_be_visible()
    page.get_by_role("button", name="Rotate certificates", exact=True).click()
    expect(page.get_by_role("status", name="Notices")).to_contain_text("gets new certificates")
    expect(page.get_by_role("region", name="Rotate certificates").get_by_text("Mint", exact=True)).to_be_visible()


def test_a_creation_under_way_can_be_cancelled(world: World, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Baltic production"), by=world.paula)
    page.get_by_role("button", name="Cancel creation").click()
    expect(page.get_by_role("status", name="Notices")).to_contain_text("Cancelled")


@pytest.mark.usefixtures("faults_expected")
@on_every_screen
def test_a_tenant_is_deleted_only_by_its_typed_name(world: World, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Production"), by=world.alice)
    page.get_by_role("button", name="Actions").click()
    page.get_by_role("link", name="Stop or delete…").click()
    page.get_by_label("to confirm").fill("production")
    page.get_by_role("button", name="Delete tenant").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was deleted")
    page.get_by_label("to confirm").fill("Production")
    page.get_by_role("button", name="Delete tenant").click()
    expect(page.get_by_role("status", name="Notices")).to_contain_text("is in the recycle bin")
    assert world.fresh("Production").in_bin


def test_a_protected_tenant_offers_no_deletion(world: World, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Production", "settings/"), by=world.alice)
    page.get_by_role("button", name="Protect", exact=True).click()
    expect(page.get_by_role("heading", name="Protected from deletion")).to_be_visible()
    expect(page.get_by_role("button", name="Delete tenant")).to_have_count(0)
    page.get_by_role("button", name="Lift the protection").click()
    expect(page.get_by_role("button", name="Delete tenant")).to_be_visible()


def test_a_stopped_tenant_starts_by_its_one_primary_button(world: World, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Corvid production"), by=world.paula)
    page.get_by_role("button", name="Start tenant").click()
    expect(page.get_by_role("status", name="Notices")).to_contain_text("Corvid production starts")
    expect(page.get_by_text("Provisioning").first).to_be_visible()


@on_every_screen
def test_an_agent_is_quarantined_with_a_reason(world: World, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Production", "agents/"), by=world.alice)
    page.get_by_role("button", name="Quarantine sftp-01").click()
    page.get_by_label("Why").locator("visible=true").fill("Its disk was copied")
    page.get_by_role("button", name="Quarantine sftp-01").last.click()
    expect(page.get_by_text("quarantine pending at the edge")).to_be_visible()


def test_the_dashboard_opens_by_a_code_posted_from_the_portals_own_origin(
    world: World, portal: str, visit: Callable[..., Page]
) -> None:
    world.edge.post_to = "http://dash.test/session"
    page = visit(path_of(world, "Production"), by=world.alice)
    posted: list[dict[str, Any]] = []

    def answer(route: Route) -> None:
        headers = route.request.all_headers()
        posted.append({"origin": headers["origin"], "body": route.request.post_data, "referer": headers.get("referer")})
        route.fulfill(status=200, content_type="text/html", body="<title>Dashboard</title>")

    page.context.route("http://dash.test/**", answer)
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Open dashboard").click()
    opened.value.wait_for_url("http://dash.test/session")
    (sent,) = posted
    assert sent["origin"] == portal
    assert sent["body"] == "code=code_once"
    assert "code_once" not in (sent["referer"] or "")


@pytest.mark.usefixtures("faults_expected")
def test_the_handoff_page_may_post_to_that_one_tenant_only(
    world: World, portal: str, visit: Callable[..., Page]
) -> None:
    world.edge.post_to = "http://dash.test/session"
    page = visit(path_of(world, "Production"), by=world.alice)
    page.context.route("http://dash.test/**", lambda route: route.abort())
    with (
        page.context.expect_page() as opened,
        page.context.expect_event("response", lambda answer: answer.url.endswith("/dashboard/")) as answered,
    ):
        page.get_by_role("button", name="Open dashboard").click()
    policy = answered.value.all_headers()["content-security-policy"]
    assert "form-action 'self' http://dash.test;" in f"{policy};"
    assert answered.value.all_headers()["referrer-policy"] == "strict-origin"
    opened.value.close()


@on_every_screen
def test_an_api_key_is_shown_once(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.acme.pk}/keys/", by=world.alice)
    page.get_by_role("link", name="Create key").click()
    page.get_by_label("Name").fill("Nightly report")
    page.get_by_label("See tenants and operations").check()
    page.get_by_role("button", name="Create key").click()
    secret = page.locator("#key-secret").inner_text()
    assert secret.startswith("api_")
    page.get_by_role("link", name="I have saved it").click()
    expect(page.get_by_text("Nightly report", exact=True)).to_be_visible()
    assert secret not in page.content()


@pytest.mark.usefixtures("faults_expected")
def test_a_key_that_may_do_nothing_is_refused_at_its_boxes(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.acme.pk}/keys/new/", by=world.alice)
    page.get_by_label("Name").fill("Idle")
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_role("alert")).to_contain_text("What it may do")


@on_every_screen
def test_members_are_invited_changed_and_removed(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.acme.pk}/members/", by=world.alice)
    page.get_by_label("Work e-mail addresses").fill("nora@example.test")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_text("nora@example.test").first).to_be_visible()
    page.get_by_label("Role of Bob").select_option("viewer")
    page.get_by_role("row", name="Bob").get_by_role("button", name="Change").click()
    expect(page.get_by_role("status", name="Notices")).to_contain_text("Bob is viewer now")
    page.get_by_role("row", name="Bob").get_by_role("button", name="Remove…").click()
    page.get_by_role("button", name="Remove Bob").click()
    expect(page.get_by_role("row", name="Bob")).to_have_count(0)


@on_every_screen
def test_a_client_withdraws_the_msps_access(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.acme.pk}/access/", by=world.alice)
    page.get_by_role("button", name="Withdraw access…").click()
    page.get_by_role("button", name="Withdraw access", exact=True).click()
    expect(page.get_by_role("status", name="Notices")).to_contain_text("Northwatch has no access any more")


@on_every_screen
def test_an_msp_adds_a_client_and_stands_in_it_by_name(world: World, visit: Callable[..., Page]) -> None:
    page = visit(f"/o/{world.msp.pk}/", by=world.paula)
    page.get_by_role("link", name="Add client").click()
    page.get_by_label("Name of the client").fill("Ilmari Paper")
    page.get_by_role("button", name="Add client").click()
    expect(page.get_by_role("heading", name="Ilmari Paper is your client")).to_be_visible()
    page.get_by_role("link", name="Open Ilmari Paper").click()
    page.get_by_role("button", name="Work in Ilmari Paper").click()
    expect(page.get_by_role("complementary", name="Access")).to_contain_text(
        "You work in Ilmari Paper for Northwatch, as admin"
    )
    expect(page.get_by_text("Your first Wazuh is a few minutes away")).to_be_visible()


def test_a_viewer_sees_no_control_that_would_refuse_them(world: World, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Production"), by=world.vera)
    expect(page.get_by_role("button", name="Open dashboard")).to_be_visible()
    assert page.get_by_role("button", name="Actions").count() == 0
    page.goto(path_of(world, "Production", "tokens/"))
    assert page.get_by_role("link", name="Create token").count() == 0
    page.goto(f"/o/{world.acme.pk}/")
    assert page.get_by_role("link", name="Create tenant").count() == 0
    assert page.get_by_role("link", name="API keys").count() == 0


@pytest.mark.usefixtures("faults_expected")
def test_a_stranger_gets_a_page_that_tells_nothing(world: World, mallory: User, visit: Callable[..., Page]) -> None:
    page = visit(path_of(world, "Production"), by=mallory)
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    assert "Acme" not in page.content()


def test_everything_starts_from_nothing(world: World, visit: Callable[..., Page]) -> None:
    nora = person("nora@example.test", "Nora")
    organization = found(nora, "Kestrel Aerospace")
    page = visit("/", by=nora)
    assert page.url.endswith(f"/o/{organization.pk}/")
    expect(page.get_by_text("Your first Wazuh is a few minutes away")).to_be_visible()
    expect(page.get_by_role("link", name="Create tenant")).to_be_visible()
    join(organization, invited_by=nora, user=world.alice, role="billing")
