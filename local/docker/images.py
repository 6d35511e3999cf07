"""Gives a Docker engine the images: one import, then one commit a role and version."""

import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import httpx

from local.docker.files import HOME, WRITTEN, Files, collect, interpreter, links
from local.stack.layout import IMAGES, VERSIONS

REPOSITORY = "garrison-stand-in"
SIDECAR = f"{REPOSITORY}/proxy-everything:local"
IMPORT_SECONDS = 300.0
EXECUTABLE, READABLE = 0o755, 0o644
# The product's own: `images/certs/Dockerfile` says the same.
CERTS = ("USER certs", f'ENTRYPOINT ["/python3","{HOME}/images/certs/serve.py"]')


def image_of(role: str) -> str:
    """The name of a role's image, without its version."""
    return f"{REPOSITORY}/{IMAGES[role].rpartition('/')[2]}"


def every_reference() -> list[str]:
    """The images of all roles in all versions that the stand-in engine offers too."""
    return [f"{image_of(role)}:{version}" for role in IMAGES for version in VERSIONS]


def provide(engine: httpx.Client, references: Iterable[str]) -> None:
    """Has the engine hold an image for the sidecar and one for each reference (`garrison-stand-in/NAME:VERSION`).

    Raises files.Missing where this machine lacks a program, httpx.HTTPError where the engine refuses.
    """
    files = collect()
    base = f"{REPOSITORY}/base:{_digest(files)}"
    if engine.get(f"/images/{base}/json").status_code == 404:
        _import(engine, base, files)
    for reference in (SIDECAR, *references):
        _derive(engine, base, reference, _changes(reference))


def _changes(reference: str) -> tuple[str, ...]:
    """Lines as of a Dockerfile."""
    name = reference.removeprefix(f"{REPOSITORY}/").partition(":")[0]
    if name == "certs":
        return CERTS
    program = ["local.docker.sidecar"] if reference == SIDECAR else ["local.docker.node", reference]
    return (f"ENTRYPOINT {json.dumps(['/python3', '-m', *program])}",)


def _digest(files: Files) -> str:
    """Changes with whatever the image would hold; the machine's own files are told apart by size and time."""
    digest = hashlib.sha256()
    for path, source in sorted(files.items()):
        known = source.stat()
        digest.update(f"{path} {known.st_size} {known.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _import(engine: httpx.Client, reference: str, files: Files) -> None:
    name, _, tag = reference.rpartition(":")
    environment = f"ENV PYTHONPATH={HOME}:{HOME}/packages PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/usr/bin"
    query = {"fromSrc": "-", "repo": name, "tag": tag, "changes": [environment, "WORKDIR /"]}
    with tempfile.TemporaryFile() as archive:
        _pack(archive, files)
        archive.seek(0)
        answer = engine.post("/images/create", params=query, content=archive, timeout=IMPORT_SECONDS)
    answer.raise_for_status()
    # The status is sent before the work is done: what went wrong comes as the last line.
    last = json.loads(answer.text.strip().splitlines()[-1])
    if "error" in last:
        raise httpx.HTTPError(f"the engine did not take the image: {last['error']}")


def _pack(target: IO[bytes], files: Files) -> None:
    with tarfile.open(fileobj=target, mode="w") as archive:
        for link, goal in [*links(), (Path("/python3"), str(interpreter()))]:
            archive.addfile(_entry(link, 0o777, tarfile.SYMTYPE, goal))
        for folder in ("/tmp", "/run", "/node"):  # noqa: S108 - of the image
            archive.addfile(_entry(Path(folder), 0o1777, tarfile.DIRTYPE))
        for path, content in WRITTEN.items():
            entry = _entry(path, READABLE)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for path, source in sorted(files.items()):
            _add(archive, path, source)


def _add(archive: tarfile.TarFile, path: Path, source: Path) -> None:
    with source.open("rb") as content:
        entry = _entry(path, EXECUTABLE if os.access(source, os.X_OK) else READABLE)
        known = os.fstat(content.fileno())
        entry.size, entry.mtime = known.st_size, int(known.st_mtime)  # by its time a compiled file is known to be fresh
        archive.addfile(entry, content)


def _entry(path: Path, mode: int, kind: bytes = tarfile.REGTYPE, goal: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(str(path).lstrip("/"))
    entry.mode, entry.type, entry.linkname = mode, kind, goal
    return entry


def _derive(engine: httpx.Client, base: str, reference: str, changes: tuple[str, ...]) -> None:
    name, _, tag = reference.rpartition(":")
    made = engine.post("/containers/create", json={"Image": base, "Cmd": ["/python3"]}).raise_for_status().json()
    try:
        query = {"container": made["Id"], "repo": name, "tag": tag, "changes": "\n".join([*changes, "CMD []"])}
        engine.post("/commit", params=query).raise_for_status()
    finally:
        engine.delete(f"/containers/{made['Id']}", params={"force": "true"}).raise_for_status()
