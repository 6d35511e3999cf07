"""`state.internal`: files by checksum, archives that are lists of files."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import json
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

SILENT_SECONDS = 60.0
PIECE = 1024 * 1024
NOT_STORED = 422


class NotSaved(Exception):
    """The door did not take it; what was saved before is kept."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


class NotRestored(Exception):
    """The door did not answer, or a file did not arrive as it was saved."""


class Unusable(Exception):
    """An archive arrived as it was saved and still can't be used."""


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


# yields names in the archive with files that need to exist only until the next one is asked for
Collect = Callable[[], Iterable["tuple[str, Path]"]]


class Door:
    """The calls of `state.internal`. `url` has neither path nor query."""

    def __init__(self, url: str) -> None:
        place = urllib.parse.urlsplit(url)
        self._host, self._port = place.hostname or "", place.port or 80

    def save(self, collect: Collect) -> int:
        """Sends what the door does not have and makes an archive of all; its number. Raises NotSaved."""
        try:
            latest = self.latest()
        except NotRestored as error:
            raise NotSaved(str(error)) from error
        known = {file.sha256 for file in latest.files} if latest else set()
        try:
            return self._save(collect, known)
        except NotSaved as error:
            if error.status != NOT_STORED or not known:
                raise
        # A file of the latest archive was found broken meanwhile, and forgotten.
        return self._save(collect, set())

    def _save(self, collect: Collect, known: set[str]) -> int:
        listed = [self._sent(name, path, known) for name, path in collect()]
        answer = self._told("/archives", {"files": [asdict(file) for file in listed]})
        return int(answer["number"])

    def _sent(self, name: str, path: Path, known: set[str]) -> StateFile:
        with path.open("rb") as content:
            file = StateFile(name, *_measured(content))
            if file.sha256 in known:
                return file
            content.seek(0)
            status, answer = self._ask("PUT", f"/files/{file.sha256}", content, file.bytes)
        if status not in (200, 201):
            raise NotSaved(f"{name} was answered {status}: {_said(answer)}", status)
        return file

    def latest(self) -> Archive | None:
        """The archive to start from; None where there is none. Raises NotRestored."""
        status, answer = self._ask("GET", "/latest")
        if status == http.client.NOT_FOUND:
            return None
        if status != http.client.OK:
            raise NotRestored(f"the latest archive was answered {status}: {_said(answer)}")
        try:
            facts = json.loads(answer)
            return Archive(int(facts["number"]), tuple(StateFile(**file) for file in facts["files"]))
        except (ValueError, KeyError, TypeError) as error:
            raise NotRestored(f"the latest archive is told in no form that is known: {error}") from None

    def fetch(self, file: StateFile, folder: Path) -> Path:
        """Writes a file of an archive below a folder, once its checksum is right. Raises NotRestored."""
        target = folder / inside(file.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._exchange("GET", f"/files/{file.sha256}", io.BytesIO(), 0) as answer, target.open("xb") as written:
            if answer.status != http.client.OK:
                raise NotRestored(f"{file.name} was answered {answer.status}: {_said(answer.read(PIECE))}")
            checksum = hashlib.sha256()
            for piece in iter(lambda: answer.read(PIECE), b""):
                checksum.update(piece)
                written.write(piece)
        if checksum.hexdigest() != file.sha256:
            target.unlink()
            raise NotRestored(f"{file.name} did not arrive as it was saved")
        return target

    def commit(self) -> int:
        """Has an archive made of what lies in the indexer's repository; its number. Raises NotSaved."""
        return int(self._told("/snapshots", {})["number"])

    def put_in_front(self, number: int) -> None:
        """Has the indexer's repository hold exactly what an archive does; 0: nothing. Raises NotSaved."""
        self._told("/front", {"number": number})

    def tell(self, what: str, number: int) -> None:
        """Says `restored` or `unusable` of an archive. Raises NotRestored."""
        try:
            self._told(f"/{what}", {"number": number})
        except NotSaved as error:
            raise NotRestored(str(error)) from error

    def _told(self, path: str, order: dict[str, Any]) -> Any:
        body = json.dumps(order).encode()
        status, answer = self._ask("POST", path, io.BytesIO(body), len(body))
        if status not in (200, 201):
            raise NotSaved(f"{path} was answered {status}: {_said(answer)}", status)
        return json.loads(answer)

    def _ask(self, method: str, path: str, body: BinaryIO | None = None, size: int = 0) -> tuple[int, bytes]:
        failure = NotRestored if method == "GET" else NotSaved
        try:
            with self._exchange(method, path, body or io.BytesIO(), size) as answer:
                return answer.status, answer.read()
        except NotRestored as error:
            raise failure(str(error)) from error

    @contextlib.contextmanager
    def _exchange(self, method: str, path: str, body: BinaryIO, size: int) -> Iterator[http.client.HTTPResponse]:
        # http.client knows no proxy: the name is intercepted where the container ends.
        connection = http.client.HTTPConnection(self._host, self._port, timeout=SILENT_SECONDS)
        headers = {"content-length": str(size), "content-type": "application/octet-stream"}
        try:
            # The door answers before it has read everything where it has the file, or takes none.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body=body, headers=headers)
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise NotRestored(f"{method} {path[:7]}: {type(error).__name__} {error}") from error
        finally:
            connection.close()


def _measured(content: BinaryIO) -> tuple[str, int]:
    checksum, size = hashlib.sha256(), 0
    for piece in iter(lambda: content.read(PIECE), b""):
        checksum.update(piece)
        size += len(piece)
    return checksum.hexdigest(), size


def inside(name: str) -> PurePosixPath:
    """A name of an archive as a path that stays where it is put. Raises Unusable."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise Unusable(f"{name} leads out of the archive")
    return path


def _said(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer[:200].decode(errors="replace")
