"""The indexer as Filebeat, the edge and a dashboard use it."""

import json
from typing import Any

import httpx

from tests.local.played import ENVIRONMENTS, PlayedNode

ADMIN = ("admin", ENVIRONMENTS["indexer"]["INDEXER_PASSWORD"])
INDEX = "wazuh-alerts-4.x-2026.11.23"
EVERY = "wazuh-alerts-4.x-*"


def alert(number: int, **fields: Any) -> dict[str, Any]:
    """An alert of 10:00 plus `number` seconds."""
    return {
        "timestamp": f"2026-11-23T10:00:{number:02}.000+0000",
        "id": f"1795428000.{number}",
        "rule": {"id": "5716", "level": 5, "groups": ["syslog", "sshd"], "description": "sshd: authentication failed."},
        "agent": {"id": "001", "name": "web-1"},
        "full_log": f"Failed password for root from 203.0.113.{number} port 22",
        "data": {"srcip": f"203.0.113.{number}"},
        **fields,
    }


class IndexerSide:
    """Calls as the admin."""

    def __init__(self, node: PlayedNode) -> None:
        self.node = node
        self.http: httpx.AsyncClient = node.client(9200, auth=ADMIN)

    async def bulk(self, *lines: Any, path: str = "/_bulk") -> httpx.Response:
        """Posts lines; those that are no text as JSON."""
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        return await self.http.post(path, content="".join(f"{text}\n" for text in texts))

    async def put(self, *alerts: dict[str, Any], index: str = INDEX) -> None:
        pairs = [({"index": {"_index": index, "_id": alert["id"]}}, alert) for alert in alerts]
        answer = await self.bulk(*[line for pair in pairs for line in pair])
        assert answer.json()["errors"] is False, answer.text

    async def search(self, body: dict[str, Any], index: str = EVERY) -> dict[str, Any]:
        answer = await self.http.post(f"/{index}/_search", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ids(self, query: dict[str, Any], **body: Any) -> list[str]:
        """The numbers of the alerts that a query finds."""
        found = await self.search({"query": query, "size": 100, **body})
        return [hit["_id"].partition(".")[2] for hit in found["hits"]["hits"]]
