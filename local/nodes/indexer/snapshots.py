"""Snapshots in a repository of type `fs`, incremental as the real ones are.

A repository is a directory with a file for each content of an index, named by its checksum, and a description for each
snapshot: an index that did not change since the last snapshot adds nothing.
"""

import datetime as dt
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

from local.nodes.indexer.documents import Documents
from local.nodes.indexer.errors import SearchError

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
ISO = "%Y-%m-%dT%H:%M:%SZ"


class SnapshotRepositories:
    """All repositories; each is a directory."""

    def __init__(self, directory: Path, documents: Documents) -> None:
        self._directory, self._documents = directory, documents

    def register(self, repository: str, body: Any) -> None:
        kind = body.get("type") if isinstance(body, dict) else None
        if kind != "fs":
            reason = f"[{repository}] the stand-in indexer knows repositories of type [fs], not [{kind}]"
            raise SearchError(400, "repository_exception", reason)
        self._path(repository).mkdir(parents=True, exist_ok=True)

    def _path(self, repository: str) -> Path:
        if not NAME.fullmatch(repository):
            raise SearchError(400, "repository_exception", f"[{repository}] invalid repository name")
        return self._directory / repository

    def _existing(self, repository: str) -> Path:
        path = self._path(repository)
        if not path.is_dir():
            raise SearchError(404, "repository_missing_exception", f"[{repository}] missing")
        return path

    def take(self, repository: str, snapshot: str) -> dict[str, Any]:
        """Takes a snapshot of everything."""
        path = self._existing(repository)
        if not NAME.fullmatch(snapshot):
            raise SearchError(400, "invalid_snapshot_name_exception", f"[{repository}:{snapshot}] invalid name")
        if (path / f"{snapshot}.json").exists():
            raise SearchError(400, "invalid_snapshot_name_exception", f"[{repository}:{snapshot}] already exists")
        started = dt.datetime.now(dt.UTC).strftime(ISO)
        files = {index: self._write(path, index) for index in self._documents.indices()}
        facts = {
            "snapshot": snapshot,
            "state": "SUCCESS",
            "indices": list(files),
            "files": files,
            "start_time": started,
            "end_time": dt.datetime.now(dt.UTC).strftime(ISO),
            "shards": {"total": 1, "failed": 0, "successful": 1},
        }
        (path / f"{snapshot}.json").write_text(json.dumps(facts))
        return facts

    def _write(self, path: Path, index: str) -> str:
        """Writes an index's documents, in the order of their ids, and returns the file's name."""
        fresh, checksum = path / ".new", hashlib.sha256()
        with fresh.open("wb") as file:
            for document in self._documents.scan([index]):
                line = json.dumps([document.id, document.source], separators=(",", ":")).encode() + b"\n"
                checksum.update(line)
                file.write(line)
        name = f"__{checksum.hexdigest()}"
        fresh.replace(path / name)
        return name

    def describe(self, repository: str, snapshot: str) -> list[dict[str, Any]]:
        """One snapshot, or with "_all" every one, oldest first."""
        path = self._existing(repository)
        if snapshot == "_all":
            return sorted(
                (json.loads(file.read_text()) for file in path.glob("*.json")), key=lambda it: it["start_time"]
            )
        return [json.loads(self._file(path, repository, snapshot).read_text())]

    @staticmethod
    def _file(path: Path, repository: str, snapshot: str) -> Path:
        file = path / f"{snapshot}.json"
        if not NAME.fullmatch(snapshot) or not file.exists():
            raise SearchError(404, "snapshot_missing_exception", f"[{repository}:{snapshot}] is missing")
        return file

    def restore(self, repository: str, snapshot: str) -> list[str]:
        """Brings back the indices of a snapshot; refused while one of them exists. Returns their names."""
        path = self._existing(repository)
        facts = json.loads(self._file(path, repository, snapshot).read_text())
        taken = set(facts["indices"]) & set(self._documents.indices())
        if taken:
            reason = f"[{repository}:{snapshot}] cannot restore index [{sorted(taken)[0]}]: it exists already"
            raise SearchError(500, "snapshot_restore_exception", reason)
        with self._documents.transaction():
            for index, name in facts["files"].items():
                self._read(path / name, index)
        return list(facts["indices"])

    def _read(self, file: Path, index: str) -> None:
        self._documents.create_index(index)
        with file.open("rb") as lines:
            for line in lines:
                id, source = json.loads(line)
                self._documents.put(index, id, source)

    def place(self, repository: str, name: str) -> Path:
        """Where a file that was fetched from elsewhere goes."""
        return self._existing(repository) / name

    def files(self, repository: str) -> dict[str, Path]:
        """Everything that lies in a repository."""
        return {file.name: file for file in sorted(self._existing(repository).iterdir())}

    def delete(self, repository: str, snapshot: str) -> None:
        path = self._existing(repository)
        self._file(path, repository, snapshot).unlink()
        used = {name for facts in self.describe(repository, "_all") for name in facts["files"].values()}
        for file in path.glob("__*"):
            if file.name not in used:
                file.unlink()

    def unregister(self, repository: str) -> None:
        shutil.rmtree(self._existing(repository))
