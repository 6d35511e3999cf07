"""Images made from containers (`POST /commit`): a copy of the container's disk, kept until the image is deleted."""

import asyncio
import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local.engine.containers import Container, Containers
from local.engine.images import Image


@dataclass(frozen=True)
class Snapshot:
    """A committed image: what it was made from, and its copy of the disk."""

    reference: str
    parent: Image
    disk: Path

    @property
    def id(self) -> str:
        return f"sha256:{hashlib.sha256(f'snapshot {self.reference}'.encode()).hexdigest()}"

    @property
    def image(self) -> Image:
        """What a container of this snapshot runs: the parent's node, under the snapshot's own name."""
        return Image(self.reference, self.parent.role, self.parent.entry, self.parent.software)

    def inspect(self) -> dict[str, Any]:
        size = sum(file.stat().st_size for file in self.disk.rglob("*") if file.is_file())
        return {"Id": self.id, "RepoTags": [self.reference], "Parent": self.parent.id, "Size": size}


class Snapshots:
    """All committed images; they outlive the engine."""

    def __init__(self, root: Path, containers: Containers) -> None:
        self._root, self._containers = root, containers
        self._known: dict[str, Snapshot] = {}
        for description in root.glob("*/image.json"):
            facts = json.loads(description.read_text())
            name, parent = facts["name"], Image(**facts["parent"])
            self._known[name] = Snapshot(name, parent, description.parent / "disk")

    def find(self, reference: str) -> Snapshot | None:
        """By name or id."""
        by_id = (snapshot for snapshot in self._known.values() if snapshot.id == reference)
        return self._known.get(reference) or next(by_id, None)

    async def commit(self, container: Container, reference: str) -> Snapshot:
        """Copies the container's disk; an image of the same name is replaced."""
        directory = self._root / hashlib.sha256(reference.encode()).hexdigest()[:32]
        snapshot = Snapshot(reference, container.image, directory / "disk")
        await self.delete(reference)
        shutil.rmtree(directory, ignore_errors=True)  # what a commit left that was broken off
        directory.mkdir(parents=True, mode=0o700)
        await self._containers.copy_disk(container, snapshot.disk)
        facts = {"name": reference, "parent": asdict(container.image)}
        (directory / "image.json").write_text(json.dumps(facts))
        self._known[reference] = snapshot
        return snapshot

    async def delete(self, reference: str) -> bool:
        """Removes a snapshot; False where there is none."""
        snapshot = self._known.pop(reference, None)
        if snapshot is None:
            return False
        await asyncio.to_thread(shutil.rmtree, snapshot.disk.parent, ignore_errors=True)
        return True
