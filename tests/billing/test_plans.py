"""The price list: limits and figures that follow from what nodes cost."""

import pytest

from billing.instances import INSTANCES, monthly_cents
from billing.models import Plan
from billing.queries import plans_on_offer

pytestmark = pytest.mark.django_db


def test_a_small_tenant_costs_about_97_dollars_a_month_before_cpu():
    assert Plan.objects.get(code="standard").cost_cents == pytest.approx(9_700, abs=50)


def test_more_nodes_and_larger_ones_cost_more():
    one = monthly_cents({"manager": {"count": 1, "instance": "standard-1"}})
    assert monthly_cents({"manager": {"count": 2, "instance": "standard-1"}}) == pytest.approx(2 * one, abs=1)
    prices = [instance.monthly_usd for instance in INSTANCES.values()]
    assert prices == sorted(prices)


def test_the_price_list_begins_with_the_smallest():
    assert [plan.code for plan in plans_on_offer()] == ["trial", "standard", "large"]


def test_what_is_asked_for_covers_the_nodes_unless_it_is_a_trial():
    for plan in plans_on_offer().exclude(code="trial"):
        assert plan.price_cents == pytest.approx(plan.cost_cents, abs=100)


def test_no_plan_gives_the_indexer_less_memory_than_it_starts_in():
    for plan in Plan.objects.all():
        assert INSTANCES[plan.roles["indexer"]["instance"]].memory_gib >= 6
