"""Many clients brought in by a file, line by line, none twice."""

import pytest
from structlog.testing import capture_logs

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Conflict, Invalid
from fleet.onboarding import imports, running
from fleet.onboarding.actions import onboard
from fleet.onboarding.models import ClientImport
from organizations.actions import keys
from organizations.models import Grant, Organization
from tests.cast import actor_for, join, person
from tests.database import all_rows
from tests.fleet.onboarding.conftest import NAMES, TWO, beat, made, outcomes

pytestmark = pytest.mark.django_db


def test_a_preview_names_lines_and_columns_and_makes_nothing(msp, as_paula, offices):
    text = f"{NAMES}\ncrm-1,Juniper,Offices,Production,ann@juniper.example\n,x,Nobody,,nobody\ncrm-1,Larch,,,\n"
    before = made()
    found = imports.preview(by=as_paula, msp=msp, text=text)
    assert [(each.line.number, {fault.field for fault in each.line.faults}) for each in found] == [
        (2, set()),
        (3, {"external_id", "name", "template", "administrators"}),
        (4, {"external_id"}),
    ]
    assert "Line 2 has it too." in [fault.message for fault in found[2].line.faults]
    with pytest.raises(Invalid) as refused:
        imports.start(by=as_paula, msp=msp, text=text)
    assert "lines.3.template" in {each.field for each in refused.value.errors}
    assert made() == before
    assert not ClientImport.objects.exists()


def test_each_line_is_made_and_the_same_file_twice_makes_nothing_twice(msp, as_paula, offices):
    first = imports.start(by=as_paula, msp=msp, text=TWO)
    beat()
    assert outcomes(first) == [(2, "done", ""), (3, "done", "")]
    assert ClientImport.objects.get(pk=first.pk).state == "finished"
    before = made()
    assert before["Tenant"] == before["Invitation"] == 1
    assert [each.is_known for each in imports.preview(by=as_paula, msp=msp, text=TWO)] == [True, True]
    again = imports.start(by=as_paula, msp=msp, text=TWO)
    beat()
    assert [state for _, state, _ in outcomes(again)] == ["done", "done"]
    assert "already" in outcomes(again)[0][2]
    assert made() == before
    assert made()["EnrollmentToken"] == 0


def test_the_id_of_a_client_that_ended_the_access_is_free(msp, as_paula):
    text = "external_id,name\ncrm-1,Juniper\n"
    first = imports.start(by=as_paula, msp=msp, text=text)
    beat()
    with all_rows():
        Grant.objects.filter(msp=msp).update(state="withdrawn")
    again = imports.start(by=as_paula, msp=msp, text=text)
    beat()
    assert outcomes(first) == outcomes(again) == [(2, "done", "")]
    with all_rows():
        assert Organization.objects.filter(name="Juniper").count() == 2


def test_a_line_that_fails_holds_up_no_other_and_is_tried_again(msp, as_paula, offices):
    text = f"{NAMES}\ncrm-1,Juniper,,,maria@example.test\ncrm-2,Larch,,,\n"
    batch = imports.start(by=as_paula, msp=msp, text=text)
    beat()
    assert [state for _, state, _ in outcomes(batch)] == ["failed", "done"]
    assert "maria@example.test" in outcomes(batch)[0][2]
    with all_rows():
        assert not Organization.objects.filter(name="Juniper").exists()
        msp.memberships.filter(user__email="maria@example.test").delete()
    batch.refresh_from_db()
    imports.retry(by=as_paula, batch=batch)
    beat()
    assert [state for _, state, _ in outcomes(batch)] == ["done", "done"]
    with pytest.raises(Conflict):
        imports.retry(by=as_paula, batch=batch)
    with all_rows():
        assert AuditEntry.objects.filter(action="fleet.client_import.finish", target=batch.pk).count() == 2


def test_a_worker_that_died_over_a_file_leaves_it_to_be_looked_at_again(msp, as_paula, offices, monkeypatch):
    def die(**_):
        raise SystemExit

    batch = imports.start(by=as_paula, msp=msp, text=TWO)
    monkeypatch.setattr(running, "onboard", die)
    with pytest.raises(SystemExit):
        beat()
    assert [state for _, state, _ in outcomes(batch)] == ["pending", "pending"]
    monkeypatch.undo()
    beat()
    assert [state for _, state, _ in outcomes(batch)] == ["done", "done"]


def test_a_fault_of_ours_fails_its_line_with_nothing_made_and_the_next_has_its_turn(
    msp, as_paula, offices, monkeypatch
):
    def faulty(**asked):
        made_of_it = onboard(**asked)
        if made_of_it.client.name == "Juniper":
            raise RuntimeError("a fault of ours")
        return made_of_it

    batch = imports.start(by=as_paula, msp=msp, text=TWO)
    monkeypatch.setattr(running, "onboard", faulty)
    with capture_logs() as logged:
        beat()
    (_, first, reason), (_, second, _) = outcomes(batch)
    assert (first, second, batch.pk in reason, "fault" in reason) == ("failed", "done", True, False)
    with all_rows():
        assert set(Organization.objects.filter(name__in=("Juniper", "Larch")).values_list("name", flat=True)) == {
            "Larch"
        }
    (told,) = [each for each in logged if each["log_level"] == "error"]
    assert (told["event"], told["line"], told["exc_info"]) == ("client_not_made", 2, True)
    monkeypatch.undo()
    batch.refresh_from_db()
    imports.retry(by=as_paula, batch=batch)
    beat()
    assert [state for _, state, _ in outcomes(batch)] == ["done", "done"]


def test_who_may_no_more_when_its_turn_comes_makes_nothing(msp, as_paula, paula, cell):
    ada = person("ada")
    join(msp, invited_by=paula, user=ada, role="admin")
    by = actor_for(ada)
    with rls.acting_as(by.rls_actor):
        batch = imports.start(by=by, msp=msp, text="external_id,name\ncrm-1,Juniper\n")
    with all_rows():
        msp.memberships.filter(user=ada).update(role="viewer")
    beat()
    assert [state for _, state, _ in outcomes(batch)] == ["failed"]


def test_a_revoked_key_makes_nothing_more(msp, as_paula, paula, program_of, cell):
    made_by = program_of(paula, msp).post(
        f"organizations/{msp.pk}/client-imports", {"csv": "external_id,name\ncrm-1,Juniper\n"}
    )
    with all_rows():
        key = keys.ApiKey.objects.get(organization=msp)
        type(key).objects.filter(pk=key.pk).update(revoked_at=key.created_at)
    beat()
    assert "does not work any more" in outcomes(made_by.json()["id"])[0][2]
