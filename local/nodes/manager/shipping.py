"""Shipping (as Filebeat does): alerts go out in order and again until they are acknowledged, over restarts too."""

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
from local.web.client import RequestFailed, request

EVENTS_URL = "http://events.internal"
BATCH_BYTES = 256 * 1024
MAX_DIGESTS = 500
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 10.0  # seconds between attempts
EMPTY_OVER = 8 * 1024 * 1024  # the alert file starts anew when all was taken and it is larger than this

Alerts = list[dict[str, Any]]
Deliver = Callable[[Alerts], Awaitable[None]]


class NotTaken(Exception):
    """The other side did not take a batch; it is sent again."""


class Offsets:
    """How far each receiver has taken the alert file; kept on the disk."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file
        self._offsets: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}

    def get(self, receiver: str) -> int:
        return self._offsets.get(receiver, 0)

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
        pause = FIRST_PAUSE
        while True:
            self._news[receiver].clear()
            offset = self._offsets.get(receiver)
            alerts, after = self._log.read(offset, BATCH_BYTES)
            if not alerts:
                await self._news[receiver].wait()
                continue
            try:
                await deliver(alerts)
            except (NotTaken, RequestFailed) as error:
                self._host.log("alerts wait", receiver=receiver, count=len(alerts), reason=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            self._offsets.set(receiver, after)
            self._empty_when_all_took_it()

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
        if reply.status != 200:
            raise NotTaken(f"the indexer answered {reply.status}")
        if json.loads(reply.body).get("errors"):
            raise NotTaken("the indexer refused some alerts of the batch")

    async def _to_events(self, alerts: Alerts) -> None:
        for at in range(0, len(alerts), MAX_DIGESTS):
            digests = [digest_of(alert) for alert in alerts[at : at + MAX_DIGESTS]]
            await post_event(self._host, "/alerts", digests)


async def post_event(host: Host, path: str, body: Any) -> None:
    """Posts JSON to the event stream's door; raises NotTaken or RequestFailed."""
    headers = {"content-type": "application/json"}
    url = EVENTS_URL + path
    reply = await request("POST", url, headers=headers, body=json.dumps(body).encode(), proxy=host.proxy, timeout=30)
    if not 200 <= reply.status < 300:
        raise NotTaken(f"the event stream answered {reply.status}")


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
