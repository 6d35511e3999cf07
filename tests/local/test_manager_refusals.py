"""An alert that a receiver will never take is dropped alone; what can be taken later waits, in order."""

import asyncio
import json
from collections.abc import Callable

import pytest

from local.web.messages import Request, Response
from tests.local.agent_side import AgentSide
from tests.local.edge_side import EdgeSide
from tests.local.manager_side import KEY, ManagerSide

pytestmark = pytest.mark.anyio

FAILED = "Nov 23 10:00:00 web-1 sshd[4242]: Failed password for {} from 203.0.113.9 port 22 ssh2"
TAKEN = Response.of_json({"errors": False, "items": []})
DOWN = Response.of_json({}, 503)
USERS = ["one", "two", "evil", "four", "five"]
GOOD = [user for user in USERS if user != "evil"]
LARGEST_DOCUMENT = 256 * 1024  # characters, as the edge's gate takes them


class Receiver:
    """Answers as `decide` says. Before, it is down, until every alert of the test is in the manager's file."""

    def __init__(self, edge: EdgeSide, host: str, decide: Callable[[list[dict]], Response]) -> None:
        self.ready, self.decide = asyncio.Event(), decide
        self.offered: list[list[dict]] = []
        self.taken: list[dict] = []
        edge.handlers[host] = self.answer

    async def answer(self, request: Request) -> Response:
        if request.target.endswith("/heartbeat"):
            return TAKEN
        if not self.ready.is_set():
            await self.ready.wait()
            return DOWN
        alerts = _alerts(request)
        self.offered.append(alerts)
        response = self.decide(alerts)
        if response is TAKEN:
            self.taken += alerts
        return response


def _alerts(request: Request) -> list[dict]:
    if request.target.endswith("/_bulk"):
        return [json.loads(line) for line in request.body.splitlines()[1::2]]
    return json.loads(request.body)


def users(alerts: list[dict]) -> list[str]:
    return [alert["data"]["dstuser"] for alert in alerts]


def has_evil(alerts: list[dict]) -> bool:
    return any("evil" in json.dumps(alert) for alert in alerts)


@pytest.fixture
async def manager(play, edge) -> ManagerSide:
    side = await ManagerSide(await play("manager", HTTP_PROXY=edge.address)).sign_in()
    await side.insert()
    return side


async def report(manager: ManagerSide, receiver: Receiver, *lines: str, folder: str = "/var/log") -> None:
    """Sends lines, and lets the receiver up again when each is an alert."""
    async with AgentSide(manager.node.ports[1514], "001", KEY) as web:
        await web.start()
        for line in lines:
            await web.log(line, "/var/evil" if "evil" in line else folder)
        await web.ping()
    receiver.ready.set()


async def all_taken(edge: EdgeSide, receiver: Receiver, count: int) -> None:
    async with asyncio.timeout(15), edge.changed:
        await edge.changed.wait_for(lambda: len(receiver.taken) >= count)


def dropped(manager: ManagerSide) -> list[dict]:
    return [entry for entry in manager.node.log() if entry["message"] == "alert dropped"]


@pytest.mark.parametrize("status", [400, 413])
async def test_one_bad_alert_is_dropped_and_the_others_arrive_in_order(manager, edge, status) -> None:
    refusal = Response.of_json({"error": "no such document"}, status)
    indexer = Receiver(edge, "indexer.internal", lambda alerts: refusal if has_evil(alerts) else TAKEN)

    await report(manager, indexer, *(FAILED.format(user) for user in USERS))
    await all_taken(edge, indexer, len(GOOD))

    assert users(indexer.offered[0]) == USERS, "all were in one batch"
    assert users(indexer.taken) == GOOD
    [entry] = dropped(manager)
    assert entry["receiver"] == "indexer"
    assert entry["rule"] == "5716"
    assert str(status) in entry["reason"]


async def test_a_digest_that_the_event_stream_will_never_take_is_dropped_alone(manager, edge) -> None:
    refusal = Response.of_json({"error": "0.location: too long"}, 400)
    events = Receiver(edge, "events.internal", lambda digests: refusal if has_evil(digests) else TAKEN)

    await report(manager, events, *(FAILED.format(user) for user in USERS))
    await all_taken(edge, events, len(GOOD))

    ids = [digest["id"] for digest in events.taken]
    assert ids == [digest["id"] for digest in events.offered[0] if digest["location"] != "/var/evil"]
    [entry] = dropped(manager)
    assert entry["receiver"] == "events"
    assert entry["id"] not in ids


async def test_of_a_half_taken_batch_only_what_may_still_be_taken_is_sent_again(manager, edge) -> None:
    statuses = iter([[201, 429, 400, 503, 201]])

    def decide(alerts: list[dict]) -> Response:
        results = [{"index": {"status": status}} for status in next(statuses, [])]
        return Response.of_json({"errors": True, "items": results}) if results else TAKEN

    indexer = Receiver(edge, "indexer.internal", decide)
    await report(manager, indexer, *(FAILED.format(user) for user in USERS))
    await all_taken(edge, indexer, 2)

    assert [users(alerts) for alerts in indexer.offered] == [USERS, ["two", "four"]]
    assert len(dropped(manager)) == 1


async def test_while_the_receiver_is_down_nothing_is_dropped(manager, edge) -> None:
    answers = [Response.of_json({}, status) for status in (429, 503)]
    indexer = Receiver(edge, "indexer.internal", lambda alerts: answers.pop() if answers else TAKEN)

    await report(manager, indexer, *(FAILED.format(user) for user in USERS))
    await all_taken(edge, indexer, len(USERS))

    assert [users(alerts) for alerts in indexer.offered] == [USERS] * 3
    assert dropped(manager) == []


async def test_the_largest_message_of_an_agent_does_not_hold_up_the_next(manager, edge) -> None:
    def decide(alerts: list[dict]) -> Response:
        sizes = [len(json.dumps(alert)) for alert in alerts]
        return Response.of_json({}, 400) if max(sizes) > LARGEST_DOCUMENT else TAKEN

    indexer = Receiver(edge, "indexer.internal", decide)
    # each of these characters is six in JSON
    await report(manager, indexer, FAILED.format("evil") + "\x01" * 60_000, FAILED.format("good"))
    await all_taken(edge, indexer, 1)

    assert users(indexer.taken) == ["good"]
    assert len(dropped(manager)) == 1
