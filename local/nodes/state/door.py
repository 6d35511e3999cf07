"""`state.internal` as a node sees it: files by checksum, archives that are lists of files."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from local.nodes.host import Host
from local.web.client import Reply, RequestFailed, request

TRANSFER_SECONDS = 600.0


class NotSaved(Exception):
    """The door did not take it; what was saved before is kept. `status` 0: it did not answer."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


class NotRestored(Exception):
    """An archive or a file of it did not arrive whole."""


@dataclass(frozen=True)
class StateFile:
    """One file of an archive; `name` is its path within the archive."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Archive:
    """Files that belong together."""

    number: int
    files: tuple[StateFile, ...]


class StateDoor:
    """The calls of `state.internal`."""

    def __init__(self, host: Host, url: str) -> None:
        self._host, self._url = host, url.rstrip("/")

    async def save(self, files: dict[str, Path]) -> int:
        """Sends the files that the door does not have and makes an archive of all; its number. Raises NotSaved."""
        listed = [await self._send(name, path) for name, path in files.items()]
        body = json.dumps({"files": [vars(file) for file in listed]}).encode()
        reply = await self._call("POST", "/archives", body)
        return int(json.loads(reply.body)["number"])

    async def _send(self, name: str, path: Path) -> StateFile:
        content = path.read_bytes()
        file = StateFile(name, hashlib.sha256(content).hexdigest(), len(content))
        await self._call("PUT", f"/files/{file.sha256}", content)
        return file

    async def _call(self, method: str, path: str, body: bytes) -> Reply:
        try:
            reply = await self._request(method, path, body)
        except RequestFailed as error:
            raise NotSaved(str(error)) from error
        if reply.status not in (200, 201):
            raise NotSaved(f"{reply.status}: {_said(reply)}", reply.status)
        return reply

    async def commit(self) -> int:
        """Has an archive made of what lies in the repository; its number. Raises NotSaved."""
        return int(json.loads((await self._call("POST", "/snapshots", b"")).body)["number"])

    async def put_in_front(self, number: int) -> None:
        """Has the repository hold what an archive does; 0: nothing. Raises NotSaved."""
        await self._call("POST", "/front", json.dumps({"number": number}).encode())

    async def latest(self) -> Archive | None:
        """The archive to start from; None where there is none. Raises NotRestored."""
        reply = await self._asked("/latest")
        if reply.status == 404:
            return None
        facts = json.loads(reply.body)
        return Archive(facts["number"], tuple(StateFile(**file) for file in facts["files"]))

    async def fetch(self, file: StateFile, directory: Path) -> Path:
        """Writes a file of an archive below a directory, once its checksum is right. Raises NotRestored."""
        reply = await self._asked(f"/files/{file.sha256}")
        if reply.status != 200 or hashlib.sha256(reply.body).hexdigest() != file.sha256:
            raise NotRestored(f"{file.name} did not arrive as it was saved")
        target = directory / _inside(file.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(reply.body)
        return target

    async def _asked(self, path: str) -> Reply:
        try:
            reply = await self._request("GET", path, b"")
        except RequestFailed as error:
            raise NotRestored(str(error)) from error
        if reply.status not in (200, 404):
            raise NotRestored(f"{reply.status}: {_said(reply)}")
        return reply

    async def tell(self, what: str, number: int) -> None:
        """Says `restored` or `unusable` of an archive."""
        await self._request("POST", f"/{what}", json.dumps({"number": number}).encode())

    async def _request(self, method: str, path: str, body: bytes) -> Reply:
        url = self._url + path
        return await request(method, url, body=body, proxy=self._host.proxy, timeout=TRANSFER_SECONDS)


def _inside(name: str) -> PurePosixPath:
    """A name of an archive as a path that stays where it is put."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise NotRestored(f"{name} leads out of the archive")
    return path


def _said(reply: Reply) -> str:
    try:
        facts: Any = json.loads(reply.body)
        return str(facts["message"])
    except (ValueError, KeyError, TypeError):
        return reply.body[:200].decode(errors="replace")
