"""Snapshots through OpenSearch's own API, in one repository of type `s3`: `worker/src/gates/repository.ts`."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.request
from typing import Any
from uuid import uuid4

REPOSITORY = "edge"
INDICES = "wazuh-*"
"""Never the security index: it holds passwords' hashes, and each start makes its own."""
SETTINGS = {
    "bucket": "snapshots",
    "max_snapshot_bytes_per_sec": "200mb",
    "max_restore_bytes_per_sec": "200mb",
    # What is larger is sent in parts of this size; the edge takes at most 128 MiB at once and 1000 parts of an object.
    "buffer_size": "16mb",
    "chunk_size": "1gb",
}
SECONDS = 1800
LATER = (http.client.TOO_MANY_REQUESTS, http.client.BAD_GATEWAY, http.client.SERVICE_UNAVAILABLE)

# No proxy: the address is this container's.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Refused(Exception):
    """OpenSearch answered that it does not do it."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


class Snapshots:
    """The calls that are needed, as the administrator. Each raises Refused, or OSError where nobody answers now."""

    def __init__(self, url: str, password: str) -> None:
        self._url = url
        self._authorization = "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()

    def register(self) -> None:
        self._call("PUT", f"/_snapshot/{REPOSITORY}", {"type": "s3", "settings": SETTINGS})

    def unregister(self) -> None:
        self._unless_missing("DELETE", f"/_snapshot/{REPOSITORY}")

    def all(self) -> list[dict[str, Any]]:
        """All snapshots of the repository, each with its name and indices."""
        return self._call("GET", f"/_snapshot/{REPOSITORY}/_all")["snapshots"]

    def take(self) -> str:
        """Takes a whole snapshot; its name."""
        name = f"edge-{uuid4().hex}"
        order = {"indices": INDICES, "ignore_unavailable": True, "include_global_state": False}
        path = f"/_snapshot/{REPOSITORY}/{name}"
        taken = self._call("PUT", f"{path}?wait_for_completion=true", order)["snapshot"]
        if taken["state"] != "SUCCESS":
            self.delete(name)
            raise Refused(f"the snapshot is not whole: {taken['state']}", http.client.INTERNAL_SERVER_ERROR)
        return name

    def delete(self, name: str) -> None:
        self._unless_missing("DELETE", f"/_snapshot/{REPOSITORY}/{name}")

    def restore(self, name: str, indices: list[str]) -> None:
        """Brings back indices that don't exist; where one can't be brought back whole, none of them is left."""
        order = {"indices": ",".join(indices), "include_global_state": False}
        path = f"/_snapshot/{REPOSITORY}/{name}/_restore?wait_for_completion=true"
        try:
            failed = self._call("POST", path, order)["snapshot"]["shards"]["failed"]
            if failed:
                raise Refused(f"{failed} shards could not be restored", http.client.INTERNAL_SERVER_ERROR)
        except BaseException:
            self.drop(indices)
            raise

    def drop(self, indices: list[str]) -> None:
        for index in indices:
            self._unless_missing("DELETE", f"/{index}")

    def _unless_missing(self, method: str, path: str) -> None:
        try:
            self._call(method, path)
        except Refused as refusal:
            if refusal.status != http.client.NOT_FOUND:
                raise

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        headers = {"authorization": self._authorization, "content-type": "application/json"}
        request = urllib.request.Request(self._url + path, data=content, headers=headers, method=method)
        try:
            with _opener.open(request, timeout=SECONDS) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                told = error.read(500).decode(errors="replace")
                reason = f"{method} {path.partition('?')[0]} was answered {error.code}: {told}"
                if error.code in LATER:
                    raise ConnectionError(reason) from None
                raise Refused(reason, error.code) from None
