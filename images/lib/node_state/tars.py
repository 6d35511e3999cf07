"""Files of a node packed so that the same content makes the same bytes: what did not change is not sent again."""

from __future__ import annotations

import grp
import gzip
import io
import os
import pwd
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from node_state.door import PIECE, Unusable, inside

FAST = 1

Change = Callable[[bytes], bytes]


def pack(target: Path, root: Path, paths: Iterable[Path], replaced: dict[str, Path] | None = None) -> Path:
    """Packs files and folders by their names below `root`; `replaced` has other files to read for some names."""
    names = {path: str(path.relative_to(root)) for path in sorted(paths)}
    with (
        target.open("xb") as file,
        gzip.GzipFile("", "wb", FAST, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path, name in names.items():
            _add(tar, path, name, (replaced or {}).get(name, path))
    return target


def _add(tar: tarfile.TarFile, path: Path, name: str, content: Path) -> None:
    """Owner and mode are those of `path`. A file that grows while it is read is cut where it ended at first."""
    if path.is_dir():
        tar.addfile(_plain(tar.gettarinfo(str(path), name)))
        return
    with content.open("rb") as opened:
        entry = _plain(tar.gettarinfo(str(path), name))
        entry.size = os.fstat(opened.fileno()).st_size
        tar.addfile(entry, opened)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mtime = 0
    if not entry.isdir():
        entry.type, entry.linkname = tarfile.REGTYPE, ""
    return entry


def check(packed: Path, belongs: Callable[[str], bool]) -> None:
    """Reads a file of an archive to its end. Raises Unusable where one of its entries has no place on the disk."""
    try:
        with gzip.open(packed) as opened, tarfile.open(fileobj=opened, mode="r:") as tar:
            for entry in tar:
                if not (entry.isfile() or entry.isdir()) or not belongs(str(inside(entry.name))):
                    raise Unusable(f"{entry.name} is no part of this node's state")
            # A tar ends before the checksum of what it was packed with.
            while opened.read(PIECE):
                continue
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Unusable(f"{packed.name} can't be unpacked: {error}") from None


def unpack(packed: Path, root: Path, changes: dict[str, Change] | None = None) -> None:
    """Puts checked entries below `root` with owner and mode; `changes` make another content of some."""
    with tarfile.open(packed, "r:gz") as tar:
        for entry in tar:
            content = tar.extractfile(entry)
            if content is None:
                (root / entry.name).mkdir(parents=True, exist_ok=True)
                _give(root / entry.name, entry)
                continue
            change = (changes or {}).get(entry.name)
            _put(root / entry.name, entry, io.BytesIO(change(content.read())) if change else content)


def _put(target: Path, entry: tarfile.TarInfo, content: IO[bytes]) -> None:
    """At no moment is there half a file, or one that is more open than it was."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(target.name + ".restored")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        shutil.copyfileobj(content, file)
    _give(fresh, entry)
    fresh.replace(target)


def _give(path: Path, entry: tarfile.TarInfo) -> None:
    """By name where the image knows it: numbers may differ from one image to the next."""
    os.chown(path, _number(pwd.getpwnam, entry.uname, entry.uid), _number(grp.getgrnam, entry.gname, entry.gid))
    path.chmod(entry.mode & 0o777)


def _number(look_up: Callable[[str], Any], name: str, number: int) -> int:
    try:
        return int(look_up(name)[2])
    except KeyError:
        return number
