"""
What of a manager is saved: who its agents are, how it was configured, and what it counted.

`state.py restore` before the daemons start for the first time, then `state.py serve`. `identity/…` opens doors (keys,
users) and never leaves the tenant; a clone gets `configuration/…` alone. What the environment gives is in neither: a
backup may be older than a credential.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from stat import S_ISREG

from node_state.door import Archive, Door
from node_state.restoring import Fetch, restore
from node_state.saving import Saver, sending, serve
from node_state.tars import check, pack, unpack

OSSEC = Path(os.environ.get("NODE_ROOT", "") + "/var/ossec")
RENDERED = Path(os.environ.get("NODE_ROOT", "") + "/wazuh-config-mount/etc/ossec.conf")
SETTINGS = "etc/ossec.conf"
CONFIGURATION = ("etc/rules", "etc/decoders", "etc/lists", "etc/shared")
# Not the API's keys for its tokens: each start makes new ones, so that what was signed before opens nothing.
IDENTITY = (
    "etc/client.keys",
    "queue/agents-timestamp",
    "queue/fts",
    "queue/rids",
    "stats",
    "var/multigroups",
)
DATABASES = ("queue/db/*.db", "queue/tasks/*.db", "api/configuration/security/*.db")
BESIDE_DATABASES = ("-wal", "-shm", "-journal")
# Made anew out of the others, or half written.
PASSING = re.compile(r"merged\.mg.*|.*\.(tmp|new|restored)|.*\.db-(wal|shm|journal)")
CLUSTER = re.compile(rb"<cluster>.*?</cluster>", re.DOTALL)
CLUSTER_KEY = re.compile(rb"(<cluster>.*?<key>)([^<]*)(</key>)", re.DOTALL)
NO_KEY = b"of-this-node"
# The entries that the edge adds for the tenant's content, and adds again to each new manager: nobody changed anything.
CONTENT_LISTS = re.compile(
    rb"[ \t]*<!-- lists of custom content -->.*?<!-- end of the lists of custom content -->\r?\n?", re.DOTALL
)

PATIENCE = float(os.environ.get("STATE_PATIENCE_SECONDS", "120"))
"""Seconds for which the store may not answer: detecting attacks matters more than what was counted before."""
BUSY_SECONDS = 20.0


def gather(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each database by SQLite's own backup: copied by file, one that is being written to would be torn."""
    for database in _databases():
        name = str(database.relative_to(OSSEC))
        _back_up(database, folder / "database")
        packed = pack(folder / "packed", OSSEC, [database], {name: folder / "database"})
        yield f"identity/{name}.tgz", packed
        packed.unlink()
        (folder / "database").unlink()
    yield "identity/manager.tgz", pack(folder / "identity", OSSEC, _files(IDENTITY))
    own = {SETTINGS: folder / "settings"} if _changed_settings(folder / "settings") else {}
    paths = [*_files(CONFIGURATION), *(OSSEC / name for name in own)]
    yield "configuration/manager.tgz", pack(folder / "configuration", OSSEC, paths, own)


def _databases() -> list[Path]:
    found = [file for pattern in DATABASES for file in sorted(OSSEC.glob(pattern))]
    return [file for file in found if not file.name.startswith(".") and file.is_file()]


def _back_up(database: Path, copy: Path) -> None:
    end = time.monotonic() + BUSY_SECONDS

    def progress(*_: int) -> None:
        if time.monotonic() > end:
            raise sqlite3.OperationalError(f"{database.name} is busy for too long")

    with contextlib.closing(sqlite3.connect(database)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target, progress=progress)


def _files(names: Iterable[str]) -> list[Path]:
    """Files and folders, an empty one too: a group is a folder."""
    tops = [OSSEC / name for name in names if (OSSEC / name).exists()]
    found = [path for top in tops for path in ([top, *top.rglob("*")] if top.is_dir() else [top])]
    copied = set(_databases())
    return [path for path in found if not path.is_symlink() and (path.is_dir() or _stays(path, copied))]


def _stays(path: Path, copied: set[Path]) -> bool:
    return path.is_file() and path not in copied and not PASSING.fullmatch(path.name)


def _changed_settings(copy: Path) -> bool:
    """
    Writes the settings without the cluster's key: a clone gets them. What nobody changed is not saved, so that it comes
    from the image, also from a newer one.
    """
    present = CONTENT_LISTS.sub(b"", (OSSEC / SETTINGS).read_bytes())
    copy.write_bytes(CLUSTER_KEY.sub(rb"\g<1>" + NO_KEY + rb"\g<3>", present))
    return present != RENDERED.read_bytes()


def _in_own_cluster(saved: bytes) -> bytes:
    """Saved settings with the cluster of this node as it was given now: its key, its part, and whether there is one."""
    own = CLUSTER.search(RENDERED.read_bytes())
    return CLUSTER.sub(lambda _: own[0] if own else b"", saved)


def apply(archive: Archive, fetch: Fetch) -> None:
    """Puts an archive on the disk of a manager that has not started yet, once every entry of it was read."""
    packed = [fetch(file) for file in archive.files]
    for file in packed:
        check(file, _belongs)
    for file in packed:
        unpack(file, OSSEC, {SETTINGS: _in_own_cluster})
    for database in _databases():
        for end in BESIDE_DATABASES:
            database.with_name(database.name + end).unlink(missing_ok=True)


def _belongs(name: str) -> bool:
    path = PurePosixPath(name)
    parents = {name, *(str(parent) for parent in path.parents)}
    return bool(parents & {SETTINGS, *CONFIGURATION, *IDENTITY}) or any(
        ("/" / path).match(f"/{pattern}") for pattern in DATABASES
    )


def signature() -> tuple[object, ...]:
    """Changes with who the agents are, which groups they are in, and what the groups, rules and settings say."""
    try:
        return (_stamps(_files(("etc/client.keys", SETTINGS, *CONFIGURATION))), _groups_of_agents())
    except FileNotFoundError as gone:  # while it was looked at: that is a change
        return (gone.filename, time.monotonic())


def _stamps(paths: list[Path]) -> list[tuple[str, int, int]]:
    """A folder's own time changes with files that are only passing."""
    stamps = [(str(path), path.stat()) for path in paths]
    return sorted(
        (path, found.st_size, found.st_mtime_ns) if S_ISREG(found.st_mode) else (path, 0, 0) for path, found in stamps
    )


def _groups_of_agents() -> object:
    """None while the database can't say: then the schedule saves it."""
    database = OSSEC / "queue/db/global.db"
    try:
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=1)) as opened:
            return opened.execute("SELECT id_agent, id_group FROM belongs ORDER BY 1, 2").fetchall()
    except sqlite3.Error:
        return None


def main(order: str) -> int:
    door = Door(os.environ["STATE_URL"])
    if order == "restore":
        restore(door, apply, PATIENCE)
        return 0
    return serve(Saver(sending(door, gather)), signature)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
