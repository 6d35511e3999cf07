"""Who gets a report by mail: members, and addresses that an owner confirmed."""

import datetime as dt
import re

import pytest
from django.core import mail as django_mail
from django.test import Client

from controlplane import rls
from controlplane.problems import Forbidden, Invalid
from fleet.reports import plans
from fleet.reports.models import ReportLink
from organizations.models import Membership
from tests.cast import actor_for
from tests.database import all_rows
from tests.fleet.reports.conftest import issue, plan_for
from tests.tenants.conftest import (
    deliver,
)

pytestmark = pytest.mark.django_db


def test_members_get_a_mail_to_the_page_and_confirmed_addresses_a_link_that_ends(told, msp, paula_acts, paula):
    with rls.acting_as(paula_acts.rls_actor):
        plans.allow_address(by=paula_acts, organization=msp, email="Board@acme.example")
    plan = plan_for(paula_acts, msp, members=[paula.pk], addresses=["board@acme.example"])
    report = issue(paula_acts, plan)
    deliver()
    by_address = {each.to[0]: each for each in django_mail.outbox}
    assert f"/o/{msp.pk}/reports/{report.pk}/" in by_address[paula.email].body
    path = re.search(r"\]\(http://testserver(/reports/\S+/)\)", by_address["board@acme.example"].body)[1]
    assert Client().get(path).status_code == 200
    with all_rows():
        (link,) = ReportLink.objects.all()
    assert (link.sent_to, link.expires_at - link.created_at > dt.timedelta(days=29)) == ("board@acme.example", True)


def test_nothing_is_mailed_to_an_address_that_no_owner_confirmed_or_one_that_was_removed(told, msp, paula_acts):
    with pytest.raises(Invalid) as refused:
        plan_for(paula_acts, msp, addresses=["mallory@example.test"])
    assert refused.value.field == "addresses"
    with rls.acting_as(paula_acts.rls_actor):
        address = plans.allow_address(by=paula_acts, organization=msp, email="board@acme.example")
    plan = plan_for(paula_acts, msp, addresses=["board@acme.example"])
    with rls.acting_as(paula_acts.rls_actor):
        plans.remove_address(by=paula_acts, organization=msp, address_id=address.pk)
    issue(paula_acts, plan)
    deliver()
    assert not [each for each in django_mail.outbox if each.to == ["board@acme.example"]]


def test_only_an_owner_confirms_addresses(msp, maria):
    with all_rows():
        Membership.objects.filter(user=maria, organization=msp).update(role="admin")
    acting = actor_for(maria)
    with rls.acting_as(acting.rls_actor), pytest.raises(Forbidden):
        plans.allow_address(by=acting, organization=msp, email="a@example.test")


def test_mail_programs_make_no_link_of_what_a_report_is_called(told, msp, paula_acts, paula):
    with rls.acting_as(paula_acts.rls_actor):
        plans.allow_address(by=paula_acts, organization=msp, email="board@acme.example")
    named = {"name": "You won: evil.example/prize", "members": [paula.pk], "addresses": ["board@acme.example"]}
    issue(paula_acts, plan_for(paula_acts, msp, **named))
    deliver()
    mailed = [each for each in django_mail.outbox if "You won" in each.subject]
    assert sorted(each.to[0] for each in mailed) == ["board@acme.example", paula.email]
    assert not [each for each in mailed if "evil.example" in each.subject + each.body]


def test_a_name_that_can_not_be_printed_is_refused(told, msp, paula_acts):
    with pytest.raises(Invalid) as refused:
        plan_for(paula_acts, msp, name="Monthly\u202etropeR")
    assert refused.value.field == "name"
