"""An MSP asks for access without naming anybody, and the owner of an organization answers."""

import datetime as dt
import re
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound, Problem
from organizations import queries
from organizations.access import NotConfirmed
from organizations.actions import access_requests, clients
from organizations.models import AccessRequest, Grant, Organization, User
from tests.cast import actor_for, found, person, role_of, session_of
from tests.database import all_rows
from tests.organizations.conftest import audited, written_to


def ask(msp: Organization, paula: User, **more: Any) -> str:
    """Asks as the MSP's owner; returns the code."""
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        return access_requests.ask(by=actor, msp=msp, **{"role_ceiling": "operator", **more})[1]


def approve(organization: Organization, owner: User, code: str, **more: Any) -> Grant:
    actor = actor_for(owner)
    with rls.acting_as(actor.rls_actor):
        given = {"role_ceiling": "viewer", **more}
        return access_requests.approve(by=actor, organization=organization, code=code, **given)


def test_the_owner_who_has_the_code_lets_the_msp_in_on_their_own_terms(
    msp: Organization, rival: Organization, paula: User, maria: User, mallory: User
) -> None:
    code = ask(msp, paula, role_ceiling="admin", reason="Night watch")
    actor = actor_for(mallory)
    with rls.acting_as(actor.rls_actor):
        asked = access_requests.asked(by=actor, organization=rival, code=code)
    assert (asked.msp_name, asked.role_ceiling, asked.reason) == ("Northwatch", "admin", "Night watch")
    with rls.acting_as(f"user:{maria.pk}"):
        assert role_of(actor_for(maria), rival) is None
    grant = approve(rival, mallory, code, role_ceiling="viewer", days=7)
    assert grant.ends_at - timezone.now() > dt.timedelta(days=6)
    with rls.acting_as(f"user:{maria.pk}"):
        assert role_of(actor_for(maria), rival) == "viewer"
    for organization in (msp, rival):
        assert "organizations.grant.approve" in [entry.action for entry in audited(organization.pk)]
    with pytest.raises(NotFound):
        approve(rival, mallory, code)


def test_access_without_an_end_stands_until_it_is_reviewed(
    msp: Organization, rival: Organization, paula: User, mallory: User
) -> None:
    grant = approve(rival, mallory, ask(msp, paula))
    assert grant.ends_at is None
    assert grant.review_at - timezone.now() > dt.timedelta(days=179)


def test_what_the_msp_hears_is_the_same_whoever_has_the_address(msp: Organization, paula: User, mallory: User) -> None:
    answers = []
    for email in (mallory.email, "nobody@example.test"):
        actor = actor_for(paula)
        with rls.acting_as(actor.rls_actor):
            made, _ = access_requests.ask(by=actor, msp=msp, role_ceiling="viewer", email=email)
        answers.append((made.state, made.grant_id, made.email == email))
    assert answers[0] == answers[1]
    assert re.search(r"/access-requests/code_\S+/\)", written_to("nobody@example.test")[0].body)


def test_the_mail_leads_an_owner_of_one_organization_straight_to_the_answer(
    msp: Organization, rival: Organization, paula: User, mallory: User
) -> None:
    ask(msp, paula, email=mallory.email, reason="Night watch")
    (told,) = written_to(mallory.email)
    assert "Night watch" in told.body
    link = re.search(r"http://testserver(/access-requests/[^)]+)", told.body)[1]
    browser = session_of(mallory)
    page = browser.get(browser.get(link)["Location"])
    assert "Northwatch asks for access" in page.content.decode()
    done = browser.post(page.request["PATH_INFO"], {"role_ceiling": "viewer", "days": "", "answer": "approve"})
    assert (done.status_code, done["Location"]) == (302, f"/o/{rival.pk}/access/")
    assert "Northwatch" in browser.get(f"/o/{rival.pk}/access/").content.decode()


def test_who_owns_several_organizations_chooses_and_who_owns_none_is_told(
    msp: Organization, rival: Organization, paula: User, mallory: User
) -> None:
    found(mallory, "Second")
    code = ask(msp, paula)
    assert "Second" in session_of(mallory).get(f"/access-requests/{code}/").content.decode()
    assert "owns none" in session_of(person("nina")).get(f"/access-requests/{code}/").content.decode()


def test_a_code_typed_wrong_is_told_at_the_field(rival: Organization, mallory: User) -> None:
    answer = session_of(mallory).post(f"/o/{rival.pk}/access/", {"code": "code_x"})
    assert answer.status_code == 422
    assert "mistyped" in answer.content.decode()


def test_a_request_that_is_declined_tells_the_msp_not_by_whom(
    msp: Organization, rival: Organization, paula: User, mallory: User
) -> None:
    code = ask(msp, paula)
    answer = session_of(mallory).post(f"/o/{rival.pk}/access/requests/{code}/", {"answer": "decline"})
    assert answer.status_code == 302
    entry = audited(msp.pk)[-1]
    assert entry.action == "organizations.access_request.decline"
    told = str(entry.actor) + str(entry.data)
    assert rival.pk not in told
    assert mallory.pk not in told
    assert audited(rival.pk)[-1].actor["user"] == mallory.pk
    with pytest.raises(NotFound):
        approve(rival, mallory, code)


@pytest.mark.parametrize("way", ["too old", "taken back", "of another secret", "forged for another organization"])
def test_a_code_that_is_no_good_opens_nothing(
    way: str, msp: Organization, rival: Organization, paula: User, mallory: User
) -> None:
    code, actor = ask(msp, paula), actor_for(paula)
    if way == "too old":
        with all_rows():
            AccessRequest.objects.update(expires_at=timezone.now())
    elif way == "taken back":
        with rls.acting_as(actor.rls_actor):
            access_requests.take_back(by=actor, msp=msp, request_id=AccessRequest.objects.get().pk)
    else:
        from controlplane.ids import make_token, parse_token

        owner = msp.pk if way == "of another secret" else rival.pk
        code = make_token("code", owner, parse_token(code).id)
    with pytest.raises(NotFound):
        approve(rival, mallory, code)
    with all_rows():
        assert not Grant.objects.filter(client=rival).exists()


def test_only_an_msps_managers_ask_and_only_owners_answer(
    acme: Organization, msp: Organization, alice: User, bob: User, paula: User, maria: User, mallory: User
) -> None:
    for user, organization, error in ((maria, msp, Forbidden), (alice, acme, Conflict), (mallory, msp, NotFound)):
        with pytest.raises(error):
            ask(organization, user)
    southwatch = found(mallory, "Southwatch", kind="msp")
    code = ask(southwatch, mallory)
    for user, error in ((bob, Forbidden), (maria, Forbidden), (mallory, NotFound)):
        with pytest.raises(error):
            approve(acme, user, code)


def test_an_msp_with_an_owners_ceiling_does_not_let_others_in_nor_itself_in_for_longer(
    msp: Organization, paula: User, mallory: User
) -> None:
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        client = clients.create_client(by=actor, msp=msp, name="Owned", role_ceiling="owner")
    code = ask(found(mallory, "Southwatch", kind="msp"), mallory)
    with pytest.raises(Forbidden):
        approve(client, paula, code)


def test_a_dangerous_answer_needs_a_fresh_proof(
    msp: Organization, rival: Organization, paula: User, mallory: User
) -> None:
    code, stale = ask(msp, paula), replace(actor_for(mallory), confirmed=False)
    with rls.acting_as(stale.rls_actor), pytest.raises(NotConfirmed):
        access_requests.approve(by=stale, organization=rival, code=code, role_ceiling="viewer")
    stale = replace(actor_for(paula), confirmed=False)
    with rls.acting_as(stale.rls_actor), pytest.raises(NotConfirmed):
        access_requests.ask(by=stale, msp=msp, role_ceiling="viewer")


@pytest.mark.parametrize("length", [2, 3, 4])
def test_nobody_manages_over_any_number_of_grants_who_manages_them(length: int, db: None) -> None:
    owners = [person(f"owner{number}") for number in range(length)]
    chain = [found(owner, f"Chain {number}", kind="msp") for number, owner in enumerate(owners)]
    for above in range(length - 1):
        approve(chain[above + 1], owners[above + 1], ask(chain[above], owners[above]))
    code = ask(chain[-1], owners[-1])
    with pytest.raises(Conflict) as refusal:
        approve(chain[0], owners[0], code)
    assert refusal.value.code == "GRANT_CYCLE"
    with all_rows():
        Grant.objects.filter(client=chain[1]).update(state="withdrawn")
    assert approve(chain[0], owners[0], code).state == "active"


def test_an_organization_is_not_its_own_client_and_has_an_msp_once(
    acme: Organization, msp: Organization, alice: User, paula: User
) -> None:
    for organization, owner, code in ((msp, paula, "OWN_REQUEST"), (acme, alice, "GRANT_EXISTS")):
        with pytest.raises(Conflict) as refusal:
            approve(organization, owner, ask(msp, paula))
        assert refusal.value.code == code


def test_access_whose_time_is_over_does_not_stand_in_the_way_of_new(
    acme: Organization, msp: Organization, alice: User, paula: User
) -> None:
    with all_rows():
        Grant.objects.update(ends_at=timezone.now() - dt.timedelta(seconds=1))
    approve(acme, alice, ask(msp, paula))
    with all_rows():
        assert sorted(Grant.objects.filter(client=acme).values_list("state", flat=True)) == ["active", "ended"]
    for organization in (acme, msp):
        told = [entry.action for entry in audited(organization.pk)]
        assert told.index("organizations.grant.end") < told.index("organizations.grant.approve")


def test_a_request_that_nobody_answered_ends_with_an_entry(msp: Organization, paula: User) -> None:
    ask(msp, paula, email="owner@example.test")
    with all_rows():
        AccessRequest.objects.update(expires_at=timezone.now())
        late = AccessRequest.objects.get()
    ask(msp, paula, email="owner@example.test")
    with all_rows():
        late.refresh_from_db()
    assert late.state == "withdrawn"
    assert late.answered_at is not None
    ended = [entry for entry in audited(msp.pk) if entry.action == "organizations.access_request.withdraw"]
    assert [(entry.target, entry.actor["kind"]) for entry in ended] == [(late.pk, "system")]


@pytest.mark.parametrize(
    ("field", "given"),
    [("role_ceiling", {"role_ceiling": "emperor"}), ("days", {"days": 0}), ("days", {"days": 400})],
)
def test_what_is_asked_or_allowed_is_checked(
    field: str, given: dict[str, Any], msp: Organization, rival: Organization, paula: User, mallory: User
) -> None:
    code = ask(msp, paula)
    for refused in (lambda: ask(msp, paula, **given), lambda: approve(rival, mallory, code, **given)):
        with pytest.raises(Invalid) as refusal:
            refused()
        assert refusal.value.field == field


def test_an_address_is_asked_once_and_not_everybody_at_once(
    msp: Organization, paula: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(msp, paula, email="Owner@example.test")
    with pytest.raises(Conflict) as refusal:
        ask(msp, paula, email="owner@EXAMPLE.test")
    assert refusal.value.code == "ALREADY_ASKED"
    monkeypatch.setattr(access_requests, "MOST_OPEN", 1)
    with pytest.raises(Conflict) as refusal:
        ask(msp, paula)
    assert refusal.value.code == "TOO_MANY_REQUESTS_OPEN"
    assert len(written_to("Owner@example.test")) == 1


def test_who_asks_and_takes_back_in_turn_does_not_flood_an_address(msp: Organization, paula: User) -> None:
    actor = actor_for(paula)

    def once_more() -> None:
        ask(msp, paula, email="owner@example.test")
        with rls.acting_as(actor.rls_actor):
            mine = AccessRequest.objects.get(state="requested")
            access_requests.take_back(by=actor, msp=msp, request_id=mine.pk)

    for _ in range(5):
        once_more()
    with pytest.raises(Problem) as refusal:
        once_more()
    assert refusal.value.status == 429
    assert len(written_to("owner@example.test")) == 5


def test_words_that_an_msp_chose_become_no_links_in_its_mail(paula: User) -> None:
    msp = found(paula, "Won: evil.example/prize", kind="msp")
    ask(msp, paula, email="owner@example.test", reason="See https://evil.example/login now")
    (told,) = written_to("owner@example.test")
    assert "evil.example" not in told.subject + told.body
    assert "evil" in told.body


def test_the_msps_page_shows_its_code_once_and_takes_requests_back(
    msp: Organization, paula: User, acme: Organization
) -> None:
    browser, page = session_of(paula), f"/o/{msp.pk}/clients/access/"
    shown = browser.post(page, {"role_ceiling": "viewer", "days": "30"}).content.decode()
    code = re.search(r"code_\w+", shown)[0]
    later = browser.get(page).content.decode()
    assert code not in later
    assert "Acme" in later
    assert "Waits for an answer" in later
    with all_rows():
        request = AccessRequest.objects.get()
    browser.post(f"{page}requests/{request.pk}/withdraw/")
    assert "Taken back" in browser.get(page).content.decode()
    assert browser.post(f"{page}requests/{request.pk}/withdraw/").status_code == 404


@pytest.mark.parametrize("noted", [False, True], ids=["of itself", "written down"])
def test_page_and_api_say_the_same_of_a_request_that_nobody_answered_in_time(
    noted: bool, msp: Organization, paula: User
) -> None:
    ask(msp, paula)
    browser, page = session_of(paula), f"/o/{msp.pk}/clients/access/"
    path = f"/api/v1/organizations/{msp.pk}/access-requests"
    assert browser.get(path).json()["results"][0]["state"] == "requested"
    with all_rows():
        AccessRequest.objects.update(expires_at=timezone.now())
        late = AccessRequest.objects.get()
    if noted:
        ask(msp, paula)
    assert {each["id"]: each["state"] for each in browser.get(path).json()["results"]}[late.pk] == "expired"
    assert "Not answered in time" in browser.get(page).content.decode()
    assert browser.delete(f"{path}/{late.pk}").status_code == 404


def test_an_msp_gives_its_access_up_from_its_own_page(acme: Organization, msp: Organization, paula: User) -> None:
    with all_rows():
        grant = Grant.objects.get(client=acme)
    answer = session_of(paula).post(f"/o/{msp.pk}/grants/{grant.pk}/withdraw/")
    assert answer["Location"] == f"/o/{msp.pk}/clients/access/"
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        assert not queries.clients_of(actor, msp).exists()
