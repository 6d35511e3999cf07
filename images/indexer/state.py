"""
What of an indexer is saved: a repository with one snapshot of its alerts in it, of which the edge makes an archive.

`state.py restore` once OpenSearch answers and before alerts may make their indices, then `state.py serve`. OpenSearch
writes to the repository and reads from it by itself; what goes through `state.internal` are only the orders.
"""

from __future__ import annotations

import http.client
import os
import sys

from node_state.door import Archive, Door, NotSaved, Unusable
from node_state.restoring import Fetch, restore
from node_state.saving import Saver, serve
from snapshots import Refused, Snapshots

PATIENCE = float(os.environ.get("STATE_PATIENCE_SECONDS", "600"))
"""Seconds for which the store may not answer; without its snapshot an indexer has what the journal holds."""
NOTHING = 0
SNAPSHOTS = Snapshots(os.environ.get("INDEXER_LOCAL_URL", "http://127.0.0.1:9200"), os.environ["INDEXER_PASSWORD"])
DOOR = Door(os.environ["STATE_URL"])


def save() -> int:
    """Takes a snapshot in place of the one before and has an archive made of it; its number. Raises NotSaved."""
    try:
        try:
            return _saved()
        except NotSaved as error:
            if error.status != http.client.UNPROCESSABLE_ENTITY:
                raise
        # Something in the repository can't be read any more, and no snapshot would send it again.
        _start_over(NOTHING)
        return _saved()
    except (Refused, OSError) as error:
        raise NotSaved(f"no snapshot was taken: {error}") from error


def _saved() -> int:
    SNAPSHOTS.register()
    older = [facts["snapshot"] for facts in SNAPSHOTS.all()]
    SNAPSHOTS.take()
    for name in older:
        SNAPSHOTS.delete(name)
    return DOOR.commit()


def apply(archive: Archive, _: Fetch) -> None:
    """Has the edge put an archive into the repository, and restores the snapshot in it."""
    try:
        _start_over(archive.number)
        _restore()
    except NotSaved as error:
        raise OSError(str(error)) from error
    except Refused as refusal:
        raise Unusable(str(refusal)) from refusal


def _start_over(number: int) -> None:
    """From another content of the repository, which OpenSearch reads again only where it is registered anew."""
    SNAPSHOTS.unregister()
    DOOR.put_in_front(number)
    SNAPSHOTS.register()


def _restore() -> None:
    found = SNAPSHOTS.all()
    if len(found) != 1:
        raise Unusable(f"the repository has {len(found)} snapshots in place of one")
    indices = found[0]["indices"]
    # A tenant whose first alert is still to come has none.
    if indices:
        SNAPSHOTS.restore(found[0]["snapshot"], indices)


def main(order: str) -> int:
    if order == "restore":
        restore(DOOR, apply, PATIENCE)
        return 0
    # The edge knows which part of its journal a snapshot holds, and so when one is due: none without its order.
    return serve(Saver(save))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
