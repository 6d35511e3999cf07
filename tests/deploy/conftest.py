"""A `wrangler` and a `manage.py` that note what they were called with."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.described import CELL_KEY, DATA_KEYS

PROGRAM = """#!/bin/bash
given=$(cat)
jq -cn --arg name "{name}" --arg given "$given" --arg seen "$(env)" '$ARGS.positional as $a
  | {{name: $name, arguments: $a, given: $given, seen: $seen}}' --args -- "$@" >>"{calls}"
[[ "$*" != *"$(cat "{fails}" 2>/dev/null || echo nothing-fails)"* ]] || {{ echo "it broke on $given" >&2; exit 3; }}
[[ $1 != d1 || $2 != execute ]] || {{ cat "{rows}"; exit; }}
echo "a first line"
echo "$1 done, was given $given"
"""


class Programs:
    """The folder that stands first on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls_file = folder, folder / "calls"
        self.calls_file.touch()
        self.rows("0001_registry_and_feed.sql", "0002_rest_as_wanted.sql")
        parts = {"calls": self.calls_file, "fails": folder / "fails", "rows": folder / "rows"}
        program = folder / "wrangler"
        program.write_text(PROGRAM.format(name="wrangler", **parts))
        program.chmod(0o755)
        self.manage = folder / "manage.py"
        self.manage.write_text(
            "import json, os, sys\n"
            "note = {'name': 'manage', 'arguments': sys.argv[1:], 'given': sys.stdin.read(), 'seen': ''}\n"
            f"open({str(self.calls_file)!r}, 'a').write(json.dumps(note) + chr(10))\n"
            "print('cell eu registered')\n"
        )

    def rows(self, *names: str) -> None:
        """What D1's table of migrations holds."""
        answer = [{"results": [{"name": name} for name in names], "success": True}]
        (self.folder / "rows").write_text(json.dumps(answer))

    def fail_on(self, words: str) -> None:
        (self.folder / "fails").write_text(words)

    def mend(self) -> None:
        (self.folder / "fails").unlink()

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.calls_file.read_text().splitlines()]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/local/bin:/usr/bin:/bin")
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "token-of-the-account")
    return Programs(folder)


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the data keys, and the cell's key in the environment."""
    file = tmp_path / "data_keys.json"
    file.touch(mode=0o600)
    file.write_text(DATA_KEYS)
    monkeypatch.setenv("GARRISON_CELL_ID_KEYS", json.dumps({"eu": CELL_KEY}))
    return file
