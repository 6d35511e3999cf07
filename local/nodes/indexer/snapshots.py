"""Snapshots in a repository of type `s3`, incremental as the real ones are.

A repository has an object for each content of an index, named by its checksum, and a description for each snapshot: an
index that did not change since the last snapshot adds nothing.
"""

import datetime as dt
import hashlib
import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.nodes.indexer.bucket import Bucket, BucketFailed
from local.nodes.indexer.documents import Documents
from local.nodes.indexer.errors import SearchError

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
ISO = "%Y-%m-%dT%H:%M:%S.%fZ"
CONTENTS, DESCRIPTIONS = "indices/", "snap-"


class SnapshotRepositories:
    """All repositories that are registered; each is a bucket at the one endpoint that the node's settings name."""

    def __init__(self, directory: Path, documents: Documents, bucket: Callable[[str], Bucket]) -> None:
        self._directory, self._documents, self._bucket = directory, documents, bucket
        self._registered: dict[str, Bucket] = {}

    def register(self, repository: str, body: Any) -> None:
        kind = body.get("type") if isinstance(body, dict) else None
        if kind != "s3":
            reason = f"[{repository}] the stand-in indexer knows repositories of type [s3], not [{kind}]"
            raise SearchError(400, "repository_exception", reason)
        name = body.get("settings", {}).get("bucket")
        if not NAME.fullmatch(repository) or not isinstance(name, str):
            raise SearchError(400, "repository_exception", f"[{repository}] needs a name and a bucket")
        self._registered[repository] = self._bucket(name)

    def unregister(self, repository: str) -> None:
        """What lies in the bucket stays there."""
        self._existing(repository)
        del self._registered[repository]

    def _existing(self, repository: str) -> Bucket:
        if repository not in self._registered:
            raise SearchError(404, "repository_missing_exception", f"[{repository}] missing")
        return self._registered[repository]

    async def take(self, repository: str, snapshot: str) -> dict[str, Any]:
        """Takes a snapshot of everything."""
        bucket = self._existing(repository)
        if not NAME.fullmatch(snapshot):
            raise SearchError(400, "invalid_snapshot_name_exception", f"[{repository}:{snapshot}] invalid name")
        if await bucket.names(_description(snapshot)):
            raise SearchError(400, "invalid_snapshot_name_exception", f"[{repository}:{snapshot}] already exists")
        started = dt.datetime.now(dt.UTC).strftime(ISO)
        known = set(await bucket.names(CONTENTS))
        files = {index: await self._write(bucket, index, known) for index in self._documents.indices()}
        facts = {
            "snapshot": snapshot,
            "state": "SUCCESS",
            "indices": list(files),
            "files": files,
            "start_time": started,
            "end_time": dt.datetime.now(dt.UTC).strftime(ISO),
            "shards": {"total": 1, "failed": 0, "successful": 1},
        }
        await bucket.put_bytes(_description(snapshot), json.dumps(facts).encode())
        return facts

    async def _write(self, bucket: Bucket, index: str, known: set[str]) -> str:
        """Writes an index's documents, in the order of their ids, where they are not there yet; the object's key."""
        checksum = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=self._directory) as file:
            for document in self._documents.scan([index]):
                line = json.dumps([document.id, document.source], separators=(",", ":")).encode() + b"\n"
                checksum.update(line)
                file.write(line)
            file.flush()
            key = f"{CONTENTS}__{checksum.hexdigest()}"
            if key not in known:
                await bucket.put(key, Path(file.name))
        return key

    async def describe(self, repository: str, snapshot: str) -> list[dict[str, Any]]:
        """One snapshot, or with "_all" every one, oldest first."""
        bucket = self._existing(repository)
        if snapshot != "_all":
            return [await self._described(bucket, repository, snapshot)]
        found = [json.loads(await bucket.get(key)) for key in await bucket.names(DESCRIPTIONS)]
        return sorted(found, key=lambda facts: facts["start_time"])

    @staticmethod
    async def _described(bucket: Bucket, repository: str, snapshot: str) -> dict[str, Any]:
        try:
            facts: dict[str, Any] = json.loads(await bucket.get(_description(snapshot)))
        except BucketFailed as error:
            if error.status != 404:
                raise
            reason = f"[{repository}:{snapshot}] is missing"
            raise SearchError(404, "snapshot_missing_exception", reason) from error
        return facts

    async def restore(self, repository: str, snapshot: str) -> list[str]:
        """Brings back the indices of a snapshot; refused while one of them exists. Returns their names."""
        bucket = self._existing(repository)
        facts = await self._described(bucket, repository, snapshot)
        taken = set(facts["indices"]) & set(self._documents.indices())
        if taken:
            reason = f"[{repository}:{snapshot}] cannot restore index [{sorted(taken)[0]}]: it exists already"
            raise SearchError(500, "snapshot_restore_exception", reason)
        contents = {index: await bucket.get(key) for index, key in facts["files"].items()}
        with self._documents.transaction():
            for index, content in contents.items():
                self._read(content, index)
        return list(facts["indices"])

    def _read(self, content: bytes, index: str) -> None:
        self._documents.create_index(index)
        for line in content.splitlines():
            id, source = json.loads(line)
            self._documents.put(index, id, source)

    async def delete(self, repository: str, snapshot: str) -> None:
        """Removes a snapshot, and what no other one needs."""
        bucket = self._existing(repository)
        facts = await self._described(bucket, repository, snapshot)
        await bucket.delete([_description(facts["snapshot"])])
        used = {key for kept in await self.describe(repository, "_all") for key in kept["files"].values()}
        await bucket.delete([key for key in await bucket.names(CONTENTS) if key not in used])


def _description(snapshot: str) -> str:
    return f"{DESCRIPTIONS}{snapshot}.json"
