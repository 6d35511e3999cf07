"""
The files that bring machines in, as they are handed out for one tenant. None holds a secret.

Each is kept as it is written in `files/`, with names between @ where the tenant's own facts go in, quoted as the
language of the file has it.
"""

import hashlib
import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "files"


@dataclass(frozen=True)
class Target:
    """Where machines go: the edge, the version of its manager, and the PEM by which the edge is known (or empty)."""

    link: str
    edge: str
    version: str
    edge_ca: str = ""


def _for_powershell(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class Form:
    """One file: what it is called where it is kept and handed out, and how facts are quoted in it."""

    source: str
    filename: str
    content_type: str
    quote: Callable[[str], str]
    words: str


FORMS: Mapping[str, Form] = {
    "unix": Form("unix.sh", "install.sh", "text/x-shellscript", shlex.quote, "Linux and macOS: installs and enrolls"),
    "windows": Form(
        "windows.ps1", "install.ps1", "text/plain", _for_powershell, "Windows, also by group policy and Intune"
    ),
    "detect": Form("detect.ps1", "detect.ps1", "text/plain", _for_powershell, "Intune's detection rule"),
    "ansible": Form("playbook.yml", "playbook.yml", "application/yaml", json.dumps, "Ansible: Linux and macOS"),
}
"""By what `?os=` names them."""


def rendered(key: str, target: Target) -> str:
    """The text of a file for one tenant."""
    form = FORMS[key]
    text = (FOLDER / form.source).read_text()
    for name, value in _facts(key, target).items():
        text = text.replace(f"@{name}@", form.quote(value))
    return text


def address(key: str, target: Target) -> str:
    """Where a file is fetched, by anybody who knows the link."""
    return f"{target.link}?os={key}"


def _facts(key: str, target: Target) -> dict[str, str]:
    facts = {"EDGE": target.edge, "VERSION": target.version, "EDGE_CA": target.edge_ca.strip()}
    if key != "ansible":
        return facts
    script = rendered("unix", target).encode()
    return {"LINK": address("unix", target), "CHECKSUM": f"sha256:{hashlib.sha256(script).hexdigest()}"}
