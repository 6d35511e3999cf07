"""Alerts become groups: the same rule at the same agent is one, whatever a manager says."""

import pytest

from fleet.alerts.grouping import RECENT, fold


def event(seq: int, *, rule: object = "5763", level: object = 10, agent: object = "001", **more: object) -> dict:
    told = {"id": rule, "level": level, "description": f"alert {seq}", "groups": ["sshd"], **more}
    data = {"rule": told, "agent": {"id": agent, "name": f"web-{agent}"}}
    return {"seq": seq, "at": f"2026-11-27T12:00:{seq % 60:02}Z", "kind": "alert", "data": data}


def test_the_same_rule_at_the_same_agent_is_one_group_with_the_newest_words_and_the_highest_level():
    groups: dict = {}
    assert fold(groups, [event(1, level=12), event(2), event(3, agent="002"), event(9)]) == 4
    one = groups["5763:001"]
    assert (one.count, one.level, one.title) == (3, 12, "alert 9")
    assert (one.first_seq, one.last_seq, one.recent) == (1, 9, [1, 2, 9])
    assert groups["5763:002"].count == 1


def test_a_storm_is_one_group_that_remembers_its_last_few():
    groups: dict = {}
    for start in range(0, 100_000, 1000):
        fold(groups, (event(seq) for seq in range(start + 1, start + 1001)))
    (one,) = groups.values()
    assert (one.count, one.first_seq, one.last_seq) == (100_000, 1, 100_000)
    assert one.recent == list(range(100_000 - RECENT + 1, 100_001))


def test_techniques_and_tactics_are_taken_over():
    groups: dict = {}
    fold(groups, [event(1, mitre={"id": ["T1110"], "tactic": ["Credential Access"], "technique": ["Brute Force"]})])
    assert (groups["5763:001"].techniques, groups["5763:001"].tactics) == (["T1110"], ["Credential Access"])


@pytest.mark.parametrize(
    "broken",
    [
        *({"seq": 1}, {"seq": 1, "at": "x", "data": {}}, {"seq": 1, "at": "2026-11-27T12:00:00Z", "data": "text"}),
        *(event(1, rule=5763), event(1, level="high"), event(1, agent=None), event(1, level=None)),
    ],
)
def test_what_has_another_form_is_left_out_and_holds_up_no_other(broken):
    groups: dict = {}
    assert fold(groups, [broken, event(2)]) == 1
    assert list(groups) == ["5763:001"]


def test_no_text_is_longer_than_its_column_or_holds_what_no_database_does():
    groups: dict = {}
    told = event(1, agent="0\x0001", groups=["x" * 1000] * 1000, mitre={"id": "T1", "tactic": [3, ""]})
    told["data"]["rule"]["description"] = "a\0b" + "c" * 5000
    fold(groups, [told])
    one = groups["5763:001"]
    assert (len(one.title), one.title[:3], len(one.groups), len(one.groups[0])) == (300, "abc", 16, 64)
    assert (one.techniques, one.tactics) == ([], [])
