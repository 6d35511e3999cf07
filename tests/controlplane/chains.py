"""A chain to break, and how to look at it."""

from controlplane import audit, rls
from controlplane.actor import Actor

ALICE = Actor(user_id="usr_alice", kind="user", session_id="ses_1", request_id="req_1", address="192.0.2.1")


def write(organization: str, *targets: str) -> None:
    """Entries on these targets, one after the other."""
    with rls.acting_as(f"org:{organization}"):
        for target in targets:
            audit.record(
                by=ALICE,
                action="test.thing.made",
                organization_id=organization,
                target=target,
                data={"größe": 3, "list": ["a", None, True], "b": {"z": 1, "a": 2}},
            )


TABLE = "controlplane_auditentry"
COLUMNS = "organization_id, created_at, action, refused, target, actor, data, previous, mac"
HEAD = "UPDATE controlplane_audithead SET position = {}, mac = (SELECT mac FROM {} WHERE target = '{}')"

# What somebody with the database in hand does to org_a's five entries t1…t5, and what is told of it: kind, position.
TAMPERED = {
    "an entry changed": ([f"UPDATE {TABLE} SET target = 'x' WHERE target = 't2'"], [("changed", 2)]),
    "its data changed": ([f"UPDATE {TABLE} SET data = '{{}}' WHERE target = 't5'"], [("changed", 5)]),
    "two changed": (
        [f"UPDATE {TABLE} SET refused = true WHERE target IN ('t2', 't4')"],
        [("changed", 2), ("changed", 4)],
    ),
    "a hash forged": ([f"UPDATE {TABLE} SET mac = 'forged' WHERE target = 't3'"], [("changed", 3)]),
    "one removed": ([f"DELETE FROM {TABLE} WHERE target = 't2'"], [("missing", 2)]),
    "the first removed": ([f"DELETE FROM {TABLE} WHERE target = 't1'"], [("missing", 1)]),
    "several removed": ([f"DELETE FROM {TABLE} WHERE target IN ('t2', 't3')"], [("missing", 2)]),
    "one inserted": (
        [
            f"UPDATE {TABLE} SET position = position + 100 WHERE organization_id = 'org_a' AND position > 2",
            f"INSERT INTO {TABLE} (id, position, {COLUMNS}) SELECT 'aud_x', 3, organization_id, created_at, action,"
            f" refused, 'x', actor, data, mac, 'forged' FROM {TABLE} WHERE target = 't2'",
            f"UPDATE {TABLE} SET position = position - 99 WHERE organization_id = 'org_a' AND position > 100",
            "UPDATE controlplane_audithead SET position = 6 WHERE organization_id = 'org_a'",
        ],
        [("inserted", 3), ("changed", 4), ("changed", 5), ("changed", 6)],
    ),
    "the end removed": ([f"DELETE FROM {TABLE} WHERE target = 't5'"], [("truncated", 5)]),
    "all removed": ([f"DELETE FROM {TABLE} WHERE organization_id = 'org_a'"], [("truncated", 1)]),
    "the kept end removed": (
        ["DELETE FROM controlplane_audithead WHERE organization_id = 'org_a'"],
        [("end_lost", 6)],
    ),
    "the kept end set back": (
        [HEAD.format(3, TABLE, "t3") + " WHERE organization_id = 'org_a'"],
        [("beyond_end", 4)],
    ),
    "the kept end forged": (
        ["UPDATE controlplane_audithead SET mac = 'forged' WHERE organization_id = 'org_a'"],
        [("forked", 5)],
    ),
}
