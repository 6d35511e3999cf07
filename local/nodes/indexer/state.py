"""What of an indexer is saved: a repository with one snapshot in it, of which the edge makes an archive."""

import http
from collections.abc import Callable
from uuid import uuid4

from local.nodes.host import Host
from local.nodes.indexer.bucket import Bucket, BucketFailed
from local.nodes.indexer.errors import SearchError
from local.nodes.indexer.snapshots import SnapshotRepositories
from local.nodes.state.door import Archive, NotRestored, NotSaved, StateDoor

REPOSITORY = "edge"
SILENT = (0, http.HTTPStatus.SERVICE_UNAVAILABLE)
SETTINGS = {"type": "s3", "settings": {"bucket": "snapshots"}}


def bucket_of(host: Host) -> Callable[[str], Bucket]:
    """The buckets at the endpoint that the node's settings name."""
    return lambda name: Bucket(host.environment.get("REPOSITORY_URL", ""), name, host.proxy)


def door_of(host: Host) -> StateDoor:
    """Where archives are made and put in front."""
    return StateDoor(host, host.environment.get("STATE_URL", ""))


async def save(repositories: SnapshotRepositories, door: StateDoor) -> int:
    """Takes a snapshot in place of the one before and has an archive made of it; its number. Raises NotSaved."""
    try:
        try:
            return await _saved(repositories, door)
        except NotSaved as error:
            if error.status != http.HTTPStatus.UNPROCESSABLE_ENTITY:
                raise
        # Something in the repository can't be read any more, and no snapshot would send it again.
        await _start_over(repositories, door, 0)
        return await _saved(repositories, door)
    except (SearchError, BucketFailed) as error:
        raise NotSaved(f"no snapshot was taken: {error}") from error


async def _saved(repositories: SnapshotRepositories, door: StateDoor) -> int:
    repositories.register(REPOSITORY, SETTINGS)
    older = [facts["snapshot"] for facts in await repositories.describe(REPOSITORY, "_all")]
    await repositories.take(REPOSITORY, f"edge-{uuid4().hex}")
    for snapshot in older:
        await repositories.delete(REPOSITORY, snapshot)
    return await door.commit()


async def apply(repositories: SnapshotRepositories, door: StateDoor, archive: Archive) -> None:
    """Has the edge put an archive into the repository, and restores the snapshot in it."""
    await _start_over(repositories, door, archive.number)
    try:
        (facts,) = await repositories.describe(REPOSITORY, "_all")
        await repositories.restore(REPOSITORY, facts["snapshot"])
    except BucketFailed as error:
        if error.status in SILENT:
            raise NotRestored(str(error)) from error
        raise


async def _start_over(repositories: SnapshotRepositories, door: StateDoor, number: int) -> None:
    """From another content of the repository, which a real indexer reads again only where it is registered anew."""
    repositories.register(REPOSITORY, SETTINGS)
    repositories.unregister(REPOSITORY)
    await door.put_in_front(number)
    repositories.register(REPOSITORY, SETTINGS)
