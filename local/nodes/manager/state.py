"""What of a manager is saved: who its agents are, how it was configured, and what it counted.

`identity/…` opens doors (keys, passwords, users) and never leaves the tenant; a clone gets `configuration/…` alone.
"""

import io
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

from local.nodes.state.door import Archive

CONFIGURATION = ("etc/ossec.conf", "etc/rules", "etc/decoders", "etc/lists", "etc/shared")
IDENTITY = ("etc/client.keys", "etc/authd.pass", "api/configuration", "queue/shipping")
DATABASES = ("queue/db",)


def collect(disk: Path, directory: Path) -> dict[str, Path]:
    """Two archives of the manager's files in an empty directory; databases by SQLite's own backup."""
    copies = directory / "databases"
    for found in [file for folder in DATABASES for file in sorted((disk / folder).glob("*.db"))]:
        _back_up(found, copies / found.relative_to(disk))
    identity, configuration = directory / "identity.tar", directory / "configuration.tar"
    _pack(identity, [(disk, IDENTITY), (copies, DATABASES)])
    _pack(configuration, [(disk, CONFIGURATION)])
    return {"identity/manager.tar": identity, "configuration/manager.tar": configuration}


def _back_up(database: Path, copy: Path) -> None:
    """Copied by file, a database that is being written to would be torn."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def _pack(file: Path, parts: list[tuple[Path, tuple[str, ...]]]) -> None:
    """The same content makes the same bytes, so that what did not change is not sent again."""
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as tar:
        for root, names in parts:
            for path in sorted(found for name in names for found in _files(root / name)):
                _add(tar, path, str(path.relative_to(root)))


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [file for file in path.rglob("*") if file.is_file() and file.suffix != ".new"]


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    content = path.read_bytes()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), path.stat().st_mode & 0o777
    tar.addfile(entry, io.BytesIO(content))


def apply(disk: Path, fetched: Path, archive: Archive) -> None:
    """Puts fetched archives on the disk of a manager that has not started yet."""
    for file in archive.files:
        with tarfile.open(fetched / file.name) as tar:
            # the filter refuses entries that lead out of the disk
            tar.extractall(disk, filter="data")
