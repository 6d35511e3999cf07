"""What operators of the platform type."""

import io

import pytest
from django.core.management import CommandError, call_command

from tenants.provisioning.models import Cell

pytestmark = pytest.mark.django_db

GIVEN = {
    "id": "lo",
    "base_url": "http://edge.test/",
    "dashboard_zone": "dash.test",
    "runtime": "docker",
    "versions": "4.14.7, 4.14.6",
}


def test_a_cell_is_registered_and_brought_up_to_date():
    call_command("create_cell", **GIVEN, stdout=io.StringIO())
    Cell.objects.update(feed_seq=7, placed=3)
    call_command("create_cell", **{**GIVEN, "runtime": "cloudflare"}, capacity=9, stdout=io.StringIO())
    cell = Cell.objects.get()
    assert (cell.base_url, cell.versions, cell.runtime) == ("http://edge.test", ["4.14.7", "4.14.6"], "cloudflare")
    assert (cell.capacity, cell.feed_seq, cell.placed) == (9, 7, 3)


def test_a_cell_with_tenants_keeps_its_jurisdiction():
    call_command("create_cell", **GIVEN, jurisdiction="eu", stdout=io.StringIO())
    Cell.objects.update(placed=1)
    with pytest.raises(CommandError):
        call_command("create_cell", **GIVEN, stdout=io.StringIO())
    assert Cell.objects.get().jurisdiction == "eu"
    Cell.objects.update(placed=0)
    call_command("create_cell", **GIVEN, stdout=io.StringIO())
    assert Cell.objects.get().jurisdiction == ""


@pytest.mark.parametrize(
    "change", [{"id": "zz"}, {"base_url": "edge.test"}, {"base_url": "http://edge.test/v1"}, {"versions": " , "}]
)
def test_a_cell_that_could_not_work_is_refused(change):
    with pytest.raises(CommandError):
        call_command("create_cell", **{**GIVEN, **change}, stdout=io.StringIO())
    assert not Cell.objects.exists()
