"""Pages of sorted lists: cursors that are none of the list's are refused, whatever is in them."""

import base64
import json

import pytest

from controlplane import ordered
from controlplane.ordered import Column
from controlplane.problems import Malformed
from organizations.models import Organization
from tests.database import all_rows

pytestmark = pytest.mark.django_db

BY_NAME = (Column("name"), Column("id"))
BY_AGE = (Column("created_at", "moment", descending=True), Column("id"))


def cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "é",
        cursor(),
        cursor("next", "name,id"),
        cursor("next", "name,id", ["a"]),
        cursor("next", "name,id", ["a", "b", "c"]),
        cursor("next", "name,id", ["a", 1]),
        cursor("next", "name,id", ["a\0", "b"]),
        cursor("next", "name,id", ["\ud800", "b"]),
        cursor("sideways", "name,id", ["a", "b"]),
        cursor("next", "-created_at,id", ["2026-01-01T00:00:00+00:00", "b"]),
    ],
)
def test_a_cursor_of_another_list_or_of_nobodys_is_refused(text):
    with pytest.raises(Malformed):
        ordered.page_of(Organization.objects.all(), BY_NAME, cursor=text)


@pytest.mark.parametrize("moment", ["2026-01-01", "0001-01-01T00:00:00+05:00", "x", 1, None])
def test_a_moment_that_is_none_of_ours_is_refused(moment):
    with pytest.raises(Malformed):
        ordered.page_of(Organization.objects.all(), BY_AGE, cursor=cursor("next", "-created_at,id", [moment, "b"]))


def test_pages_go_on_and_back_under_every_order():
    with all_rows():
        for number in range(7):
            Organization.objects.create(name=f"{number % 3}", slug=f"s{number}")
        for order in (BY_NAME, BY_AGE, tuple(column.turned() for column in BY_NAME)):
            whole = list(Organization.objects.order_by(*[column.order_by for column in order]))
            first = ordered.page_of(Organization.objects.all(), order, limit=3)
            second = ordered.page_of(Organization.objects.all(), order, limit=3, cursor=first.next)
            third = ordered.page_of(Organization.objects.all(), order, limit=3, cursor=second.next)
            assert [*first.rows, *second.rows, *third.rows] == whole
            assert (first.previous, third.next) == (None, None)
            back = ordered.page_of(Organization.objects.all(), order, limit=3, cursor=third.previous)
            assert back.rows == second.rows
