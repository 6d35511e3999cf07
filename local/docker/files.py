"""What an image holds: parts of this machine's own system, so that neither a registry nor a network is needed.

A Python with the packages that stand-in nodes need, openssl and a few programs for `images/certs/mint.sh`, iptables for
the stand-in of the egress sidecar, and every library that those load. Linux only, and for an engine with this machine's
architecture.
"""

import compileall
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HOME = Path("/garrison")
PROGRAMS = ("sh", "cat", "chmod", "date", "iptables", "mkdir", "mktemp", "openssl", "rm")
PACKAGES = ("_cffi_backend*", "cryptography", "h11", "jwt")
# Trees of the standard library that no node loads; the first holds a static libpython of 60 MB.
LEFT_OUT = re.compile(r"/(config-[^/]+|test|idlelib|ensurepip|tkinter|lib2to3|(site|dist)-packages)(/|$)")
OURS = ("local", "images/lib", "images/certs")
LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
WRITTEN = {
    Path("/etc/passwd"): b"root:x:0:0::/:/bin/sh\ncerts:x:1000:1000::/:/bin/sh\n",
    Path("/etc/nsswitch.conf"): b"hosts: files dns\n",
}

Files = dict[Path, Path]  # path in the image -> file here


class Missing(Exception):
    """This machine lacks a program that the image needs."""


def collect() -> Files:
    """Every file of the image. Raises Missing."""
    files = {Path("/usr/bin", name): program for name, program in _programs().items()}
    files |= {place(path): path for path in [*_python(), *_loaded_by_name(), _openssl()]}
    files |= {HOME / "packages" / path.relative_to(_packages()): path for path in _installed()}
    files |= {HOME / path.relative_to(REPOSITORY): path for path in _ours()}
    return files | {place(library): library for library in _libraries(files.values())}


def place(path: Path) -> Path:
    """Where a file lies in the image: as here, without symbolic links on the way (`/lib` is one on most systems)."""
    return Path(os.path.realpath(path.parent), path.name)


def links() -> Iterator[tuple[Path, str]]:
    """The system's own links of folders, by which programs find their libraries."""
    for name in ("bin", "lib", "lib64", "sbin"):
        link = Path("/", name)
        if link.is_symlink():
            yield link, str(link.readlink())


def interpreter() -> Path:
    """The Python that the image starts."""
    return Path(os.path.realpath(sys.executable))


def _python() -> Iterator[Path]:
    yield interpreter()
    library = Path(os.__file__).parent
    yield from (path for path in library.rglob("*") if path.is_file() and not LEFT_OUT.search(str(path)))


def _loaded_by_name() -> Iterator[Path]:
    """What no program lists: the extensions of iptables, and the name services of older libraries."""
    for pattern in ("xtables/*.so", "libnss_*.so*"):
        yield from Path("/usr").glob(f"lib*/{pattern}")
        yield from Path("/usr").glob(f"lib*/*/{pattern}")


def _openssl() -> Path:
    told = subprocess.run(["openssl", "version", "-d"], capture_output=True, text=True, check=True).stdout
    return Path(told.partition('"')[2].rpartition('"')[0], "openssl.cnf")


def _packages() -> Path:
    return Path(sysconfig.get_path("platlib"))


def _installed() -> Iterator[Path]:
    for top in (top for pattern in PACKAGES for top in _packages().glob(pattern)):
        yield from [top] if top.is_file() else _compiled(top)


def _ours() -> Iterator[Path]:
    for folder in OURS:
        yield from _compiled(REPOSITORY / folder)


def _compiled(folder: Path) -> Iterator[Path]:
    """A folder's files: workerd gives a sidecar two seconds to answer, too few to compile anything first."""
    compileall.compile_dir(folder, quiet=1)
    return (path for path in folder.rglob("*") if path.is_file())


def _programs() -> dict[str, Path]:
    """By the names they are called with: one file may be many programs."""
    search = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    found = {name: shutil.which(name, path=search) for name in PROGRAMS}
    lacking = [name for name, path in found.items() if path is None]
    if lacking:
        raise Missing(f"the image needs {', '.join(lacking)}, which this machine does not have")
    return {name: Path(os.path.realpath(path)) for name, path in found.items() if path}


def _libraries(files: Iterable[Path]) -> set[Path]:
    """What the dynamic linker would load for any of them, itself included."""
    binaries = [str(path) for path in files if _is_binary(path)]
    told = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False).stdout
    return {Path(library) for library in LIBRARY.findall(told)}


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"
