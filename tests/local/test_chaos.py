"""What the chaos counts as lost, reordered or doubled in an event stream."""

import asyncio
import copy
from collections.abc import AsyncIterator

import pytest

from local.chaos.streams import as_a_log, as_acknowledged, as_followed
from local.portal_api import Json
from local.stream import messages


def log(length: int) -> list[Json]:
    return [
        {"seq": number, "at": f"2026-11-20T10:00:{number:02d}.000Z", "kind": "lifecycle", "data": {"number": number}}
        for number in range(1, length + 1)
    ]


def alert(id: str, manager: int = 0) -> Json:
    return {"seq": 1, "kind": "alert", "data": {"id": id, "manager": manager}}


def enrollment(agent: str, outcome: str = "enrolled") -> Json:
    return {"seq": 1, "kind": "enrollment", "data": {"outcome": outcome, "agent": {"id": agent}}}


# `documentId("lotenant", 0, "1.0")` of worker/src/gates/bulk.ts.
DOCUMENT = "6800f7bcd5ee766e4ae7e9b9378586622d2b69c9789d5c60c317dddc77e1ef6b"


def test_a_whole_log_and_whoever_followed_it_to_anywhere_behind_its_end_have_no_fault() -> None:
    found = as_a_log("t", log(5))
    found.add(as_followed("t", log(5), log(7)))
    assert (found.events, found.lost, found.reordered, found.duplicated) == (5, [], [], [])


def test_a_log_lacks_numbers_and_goes_back() -> None:
    events = log(5)
    del events[1]
    events[2]["at"] = "2026-11-20T10:00:01.000Z"
    found = as_a_log("t", [*events, events[0]])
    assert found.lost == ["t: 2 is missing"]
    assert len(found.reordered) == 3  # the time of the fourth, then number and time of the first once more


@pytest.mark.parametrize(
    ("change", "lost", "reordered"),
    [
        (lambda given: given.pop(2), ["t: 3 was not given"], []),
        (lambda given: given.clear(), [f"t: {number} was not given" for number in range(1, 6)], []),
        (lambda given: given.insert(3, given[2]), [], ["t: 3 comes after 3"]),
        (lambda given: given.insert(0, given.pop(1)), [], ["t: 1 comes after 2"]),
        (lambda given: given[3]["data"].update(number=9), [], ["t: 4 has become another"]),
    ],
)
def test_a_follower_was_given_less_or_something_else_than_is_read(change, lost, reordered) -> None:
    given = copy.deepcopy(log(5))
    change(given)
    found = as_followed("t", log(5), given)
    assert (found.lost, found.reordered) == (lost, reordered)


def test_what_a_follower_was_given_and_nobody_can_read_any_more_is_lost() -> None:
    events = log(5)
    del events[2]
    assert as_followed("t", events, log(5)).lost == ["t: 3 was given and is gone"]


def test_what_was_acknowledged_is_one_event_each() -> None:
    events = [alert("1.0"), alert("1.0", manager=1), enrollment("002"), enrollment("003", "refused")]
    found = as_acknowledged("lotenant", events, alerts={DOCUMENT}, agents=["002"])
    assert (found.lost, found.duplicated) == ([], [])
    found = as_acknowledged("lotenant", [*events, *events], alerts={DOCUMENT, "f" * 64}, agents=["002", "003"])
    assert found.lost == [f"lotenant: no digest of {'f' * 64}", "lotenant: no enrollment of 003"]
    assert len(found.duplicated) == 3


async def lines(text: str) -> AsyncIterator[str]:
    for line in text.splitlines():
        yield line


async def told(text: str) -> list[Json]:
    return [message async for message in messages(lines(text)) if "id" in message]


def test_a_message_that_broke_off_is_none() -> None:
    text = 'retry: 2000\n\n: nothing new\n\ndata: {"next": 4}\nid: 4\n\nid: 9\n\ndata: {"next": 10}\n'
    assert asyncio.run(told(text)) == [{"data": {"next": 4}, "id": "4"}, {"id": "9"}]
