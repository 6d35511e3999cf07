"""Shipping (as Filebeat does): alerts go out in order and again until they are acknowledged, over restarts too.

An alert that a receiver will never take is dropped and named in the log, so that it does not hold up those behind it.
"""

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from local.nodes.host import Host
from local.nodes.manager.alerts import AlertLog, digest_of
from local.nodes.manager.settings import Settings
from local.web.client import Reply, RequestFailed, request

EVENTS_URL = "http://events.internal"
BATCH_BYTES = 256 * 1024
MAX_BATCH = 500  # alerts in one request
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 10.0  # seconds between attempts
REFUSALS = (400, 413)  # statuses after which the same body will never be taken
MAX_REASON = 200  # characters of a receiver's own words in the log
EMPTY_OVER = 8 * 1024 * 1024  # the alert file starts anew when all was taken and it is larger than this

Alerts = list[dict[str, Any]]
Deliver = Callable[[Alerts], Awaitable[None]]


class NotTaken(Exception):
    """The other side did not take a batch; it is sent again, or `left` alone where the rest of it is settled."""

    def __init__(self, reason: str, left: Alerts | None = None) -> None:
        super().__init__(reason)
        self.left = left


class Refused(NotTaken):
    """The other side will never take this batch as it is."""


class Offsets:
    """How far each receiver has taken the alert file; kept on the disk."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file
        self._offsets: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}

    def get(self, receiver: str) -> int:
        return self._offsets.get(receiver, 0)

    def fit(self, size: int) -> None:
        """Starts again where the alert file is shorter than what was taken: it is another file than these belong to."""
        if any(offset > size for offset in self._offsets.values()):
            self.reset()

    def set(self, receiver: str, offset: int) -> None:
        self._offsets[receiver] = offset
        self._save()

    def reset(self) -> None:
        self._offsets = dict.fromkeys(self._offsets, 0)
        self._save()

    def _save(self) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(self._offsets))
        fresh.replace(self._file)


class Shipping:
    """Sends every alert to each receiver; call `wake` after an alert was appended."""

    def __init__(self, host: Host, settings: Settings, log: AlertLog, offsets: Offsets) -> None:
        self._host, self._settings, self._log, self._offsets = host, settings, log, offsets
        offsets.fit(log.size)
        self._news: dict[str, asyncio.Event] = {}
        self._receivers: dict[str, Deliver] = {"indexer": self._to_indexer, "events": self._to_events}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for receiver, deliver in self._receivers.items():
                self._news[receiver] = asyncio.Event()
                group.create_task(self._ship(receiver, deliver))

    def wake(self) -> None:
        for news in self._news.values():
            news.set()

    def pending(self) -> int:
        """Bytes of alerts that the indexer has not acknowledged."""
        return max(0, self._log.size - self._offsets.get("indexer"))

    async def _ship(self, receiver: str, deliver: Deliver) -> None:
        while True:
            self._news[receiver].clear()
            alerts, after = self._log.read(self._offsets.get(receiver), BATCH_BYTES)
            if not alerts:
                await self._news[receiver].wait()
                continue
            await self._settle(receiver, deliver, alerts)
            self._offsets.set(receiver, after)
            self._empty_when_all_took_it()

    async def _settle(self, receiver: str, deliver: Deliver, alerts: Alerts) -> None:
        """Returns when each alert was taken or dropped; what can be taken later is waited for, in order."""
        waiting = [alerts[at : at + MAX_BATCH] for at in range(0, len(alerts), MAX_BATCH)]
        pause = FIRST_PAUSE
        while waiting:
            batch = waiting.pop(0)
            try:
                await deliver(batch)
                pause = FIRST_PAUSE
            except Refused as refusal:
                waiting[:0] = self._halves(receiver, batch, refusal)
            except (NotTaken, RequestFailed) as error:
                waiting.insert(0, getattr(error, "left", None) or batch)
                self._host.log("alerts wait", receiver=receiver, count=len(waiting[0]), reason=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _halves(self, receiver: str, batch: Alerts, refusal: Refused) -> list[Alerts]:
        """What is left to send of a refused batch: its halves, until the one alert that is to blame stands alone."""
        if len(batch) == 1:
            self._drop(receiver, batch[0], str(refusal))
            return []
        middle = len(batch) // 2
        return [batch[:middle], batch[middle:]]

    def _drop(self, receiver: str, alert: dict[str, Any], reason: str) -> None:
        self._host.log("alert dropped", receiver=receiver, id=alert["id"], rule=alert["rule"]["id"], reason=reason)

    def _empty_when_all_took_it(self) -> None:
        size = self._log.size
        if size > EMPTY_OVER and all(self._offsets.get(receiver) == size for receiver in self._receivers):
            # Offsets first: if the manager dies in between, alerts are sent twice, never left out.
            self._offsets.reset()
            self._log.empty()

    async def _to_indexer(self, alerts: Alerts) -> None:
        lines = [part for alert in alerts for part in (_action(alert), json.dumps(alert, separators=(",", ":")))]
        credential = f"{self._settings.indexer_username}:{self._settings.indexer_password}".encode()
        headers = {
            "content-type": "application/x-ndjson",
            "authorization": "Basic " + base64.b64encode(credential).decode(),
        }
        url = f"{self._settings.indexer_url}/_bulk"
        reply = await request("POST", url, headers=headers, body=_ndjson(lines), proxy=self._host.proxy, timeout=30)
        _require_taken("the indexer", reply)
        answer = json.loads(reply.body)
        if answer.get("errors"):
            self._settle_items(alerts, answer.get("items", []))

    def _settle_items(self, alerts: Alerts, items: list[dict[str, Any]]) -> None:
        """Drops the alerts that the indexer refused for good; raises NotTaken with those it may still take."""
        if len(items) != len(alerts):
            raise NotTaken("the indexer refused some alerts of the batch without saying which")
        left = []
        for alert, item in zip(alerts, items, strict=True):
            result = next(iter(item.values()))
            if result["status"] == 429 or result["status"] >= 500:
                left.append(alert)
            elif result["status"] >= 400:
                self._drop("indexer", alert, json.dumps(result.get("error"))[:MAX_REASON])
        if left:
            raise NotTaken("the indexer could not take these alerts of the batch yet", left)

    async def _to_events(self, alerts: Alerts) -> None:
        await post_event(self._host, "/alerts", [digest_of(alert) for alert in alerts])


async def post_event(host: Host, path: str, body: Any) -> None:
    """Posts JSON to the event stream's door; raises NotTaken, Refused or RequestFailed."""
    headers = {"content-type": "application/json"}
    url = EVENTS_URL + path
    reply = await request("POST", url, headers=headers, body=json.dumps(body).encode(), proxy=host.proxy, timeout=30)
    _require_taken("the event stream", reply)


def _require_taken(receiver: str, reply: Reply) -> None:
    if reply.status in REFUSALS:
        said = reply.body[:MAX_REASON].decode(errors="replace")
        raise Refused(f"{receiver} answered {reply.status}: {said}")
    if not 200 <= reply.status < 300:
        raise NotTaken(f"{receiver} answered {reply.status}")


def _action(alert: dict[str, Any]) -> str:
    day = alert["timestamp"][:10].replace("-", ".")
    return json.dumps({"index": {"_index": f"wazuh-alerts-4.x-{day}"}})


def _ndjson(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


async def beat(host: Host, facts: Callable[[], dict[str, Any]], every: float) -> None:
    """Posts a heartbeat every so many seconds; a lost one is not made up for."""
    while True:
        try:
            await post_event(host, "/heartbeat", {"at": int(time.time()), **facts()})
        except (NotTaken, RequestFailed) as error:
            host.log("heartbeat was not taken", reason=str(error))
        await asyncio.sleep(every)
