"""
What of an indexer is saved: the files of a repository with one snapshot of its alerts in it.

`state.py restore` once OpenSearch answers and before alerts may make their indices, then `state.py serve`. A repository
has more files than an archive may list, so they are packed: what an index holds by index, which changes only while
alerts come in for it, and everything else together.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from node_state.door import Archive, Door, NotSaved, Unusable
from node_state.restoring import Fetch, restore
from node_state.saving import Saver, serve
from node_state.tars import STORED, check, pack, unpack
from snapshots import Refused, Snapshots

PLACE = Path(os.environ["REPOSITORY"])
PATIENCE = float(os.environ.get("STATE_PATIENCE_SECONDS", "600"))
"""Seconds for which the store may not answer; without its snapshot an indexer has what the journal holds."""
FULLEST_SHARE = 0.85
"""Of the disk: above it OpenSearch places no new index."""
SNAPSHOTS = Snapshots(
    os.environ.get("INDEXER_LOCAL_URL", "http://127.0.0.1:9200"), os.environ["INDEXER_PASSWORD"], str(PLACE)
)


def gather(folder: Path) -> Iterator[tuple[str, Path]]:
    """Takes a snapshot in place of the one before. Raises NotSaved."""
    try:
        SNAPSHOTS.register()
        _require_room()
        older = [facts["snapshot"] for facts in SNAPSHOTS.all()]
        SNAPSHOTS.take()
        for name in older:
            SNAPSHOTS.delete(name)
    except (Refused, OSError) as error:
        raise NotSaved(f"no snapshot was taken: {error}") from error
    yield from _packed(folder)


def _require_room() -> None:
    """A repository is a copy on the disk of the indices: what fills that would keep new alerts out. Raises NotSaved."""
    held = sum(path.stat().st_size for path in PLACE.rglob("*") if path.is_file())
    needed = SNAPSHOTS.store_bytes() - held
    disk = shutil.disk_usage(PLACE)
    room = int(disk.total * FULLEST_SHARE) - disk.used
    if needed > max(room, 0):
        raise NotSaved(f"the disk has no room for a snapshot: {needed} more bytes are needed, {room} are left")


def _packed(folder: Path) -> Iterator[tuple[str, Path]]:
    """One at a time: the disk has the repository already."""
    found = [path for path in PLACE.rglob("*") if not path.is_symlink()]
    contents = [path for path in found if path.name.startswith("__") and path.is_file()]
    # With the folders, which so get their owner before anything is put into them.
    yield "snapshot/description.tgz", pack(folder / "packed", PLACE, set(found) - set(contents))
    for index in sorted({path.relative_to(PLACE).parts[1] for path in contents}):
        (folder / "packed").unlink()
        inside = [path for path in contents if path.relative_to(PLACE).parts[1] == index]
        yield f"snapshot/{index}.tgz", pack(folder / "packed", PLACE, inside, level=STORED)


def apply(archive: Archive, fetch: Fetch) -> None:
    """Puts the files into the repository and restores the snapshot in it."""
    try:
        SNAPSHOTS.unregister()
        _empty()
        for file in archive.files:
            packed = fetch(file)
            check(packed, lambda _: True)
            unpack(packed, PLACE)
            packed.unlink()
        SNAPSHOTS.register()
        _restore()
    except Refused as refusal:
        raise Unusable(str(refusal)) from refusal


def _empty() -> None:
    """Of what an archive that could not be used left there."""
    for path in PLACE.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _restore() -> None:
    found = SNAPSHOTS.all()
    if len(found) != 1:
        raise Unusable(f"the repository has {len(found)} snapshots in place of one")
    indices = found[0]["indices"]
    # A tenant whose first alert is still to come has none.
    if indices:
        SNAPSHOTS.restore(found[0]["snapshot"], indices)


def main(order: str) -> int:
    door = Door(os.environ["STATE_URL"])
    if order == "restore":
        restore(door, apply, PATIENCE)
        return 0
    # The edge knows which part of its journal a snapshot holds, and so when one is due: none without its order.
    return serve(Saver(door, gather))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
