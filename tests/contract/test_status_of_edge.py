"""The checks of the status page against the real Worker: its doors are operational, and of one that is gone, down."""

import pytest

from tenants.provisioning.models import Cell
from tenants.status import components
from tests.contract.edge_process import Edge

DOORS = ("edge", "enroll", "events")


def seen(address: str) -> dict[str, str]:
    cell = Cell(id="lo", base_url=address, runtime="stand-in")
    checks = {each.key.removeprefix("lo-"): each.check for each in components.of_cell(cell)}
    return {door: checks[door]().state for door in DOORS}


@pytest.mark.stack
def test_the_doors_of_a_real_edge_are_operational_and_of_one_that_is_gone_down(edge: Edge) -> None:
    assert seen(edge.url) == dict.fromkeys(DOORS, "operational")
    edge.stop()
    assert seen(edge.url) == dict.fromkeys(DOORS, "down")
