"""What of an indexer is saved: the files of a repository with one snapshot in it."""

import shutil
from pathlib import Path
from uuid import uuid4

from local.nodes.indexer.snapshots import SnapshotRepositories
from local.nodes.state.door import Archive

REPOSITORY = "edge"
FOLDER = "snapshot"


def collect(repositories: SnapshotRepositories) -> dict[str, Path]:
    """Takes a snapshot in place of the one before; the repository's files by their names in the archive."""
    repositories.register(REPOSITORY, {"type": "fs"})
    older = [facts["snapshot"] for facts in repositories.describe(REPOSITORY, "_all")]
    repositories.take(REPOSITORY, f"edge-{uuid4().hex}")
    for snapshot in older:
        repositories.delete(REPOSITORY, snapshot)
    return {f"{FOLDER}/{name}": file for name, file in repositories.files(REPOSITORY).items()}


def apply(repositories: SnapshotRepositories, fetched: Path, archive: Archive) -> None:
    """Puts the files into the repository and restores the snapshot in it."""
    repositories.register(REPOSITORY, {"type": "fs"})
    repositories.unregister(REPOSITORY)  # with what an archive that could not be used left there
    repositories.register(REPOSITORY, {"type": "fs"})
    for file in archive.files:
        shutil.copyfile(fetched / file.name, repositories.place(REPOSITORY, Path(file.name).name))
    (facts,) = repositories.describe(REPOSITORY, "_all")
    repositories.restore(REPOSITORY, facts["snapshot"])
