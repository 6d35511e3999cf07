"""Reading what the edge says: all that decisions stand on is checked."""

import pytest

from tenants.provisioning.sighting import Malformed, Sighting

VIEW = {
    "id": "t",
    "epoch": 1,
    "generation": 2,
    "requested": "running",
    "observed": "running",
    "observed_generation": 2,
    "reason": None,
    "seq": 9,
    "run": None,
    "certificate": {"generation": 1, "not_after": "2027-01-01T00:00:00Z", "fingerprint": "f"},
    "agents": {"enrolled": 1, "active": 1},
}
STEP = {"name": "certs", "state": "running", "attempts": 1, "started_at": None, "finished_at": None, "error": None}


def test_a_view_is_read():
    seen = Sighting.read(VIEW)
    assert (seen.fence, seen.observed, seen.seq, seen.run) == ((1, 2), "running", 9, None)
    assert seen.raw == VIEW


@pytest.mark.parametrize(
    "change",
    [
        {"seq": "9"},
        {"seq": True},
        {"seq": -1},
        {"epoch": None},
        {"observed": "sleepy"},
        {"id": ""},
        {"reason": "text"},
        {"run": {"operation_id": "op", "kind": "start", "state": "running"}},
        {"run": {"operation_id": "op", "kind": "start", "state": "odd", "steps": []}},
        {"run": {"operation_id": "op", "kind": "start", "state": "running", "steps": [{**STEP, "started_at": "soon"}]}},
        {"run": {"operation_id": "op", "kind": "start", "state": "running", "steps": ["certs"]}},
        {"certificate": {"not_after": "2027-01-01T00:00:00"}},
        {"detection_delayed_since": "soon"},
        {"agents": {"enrolled": "many", "active": 1}},
    ],
)
def test_a_view_that_can_not_be_relied_on_is_refused(change):
    with pytest.raises(Malformed):
        Sighting.read({**VIEW, **change})


def test_the_error_of_a_run_is_that_of_the_step_that_failed():
    failed = {**STEP, "name": "indexer", "state": "failed", "error": {"code": "NODE_CRASH_LOOP"}}
    run = {"operation_id": "op", "kind": "start", "state": "failed", "steps": [STEP, failed]}
    assert Sighting.read({**VIEW, "run": run}).run.error == {"code": "NODE_CRASH_LOOP"}
