"""`make test` is green exactly where each of its parts is."""

import subprocess
from pathlib import Path

import pytest

from local.stack.layout import REPOSITORY

PARTS = '#!/bin/sh\necho "$@"\ncase "$*" in *{failing}*) exit 1 ;; esac\n'


@pytest.mark.parametrize(
    ("failing", "status"), [("none", 0), ("test-sqlite", 2), ("test-stack", 2), ("test-postgres", 2)]
)
def test_a_whole_run_ends_as_its_parts_did_and_shows_them_all(tmp_path: Path, failing: str, status: int) -> None:
    parts = tmp_path / "parts"
    parts.write_text(PARTS.format(failing=failing))
    parts.chmod(0o755)
    set_up = ("-o", "test-tools", "-o", "worker/dist/index.js")
    command = ["make", "-s", *set_up, "test", f"MAKE={parts}", f"LOG={tmp_path / 'log'}"]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == status, run.stderr
    assert "test-sqlite test-worker" in run.stdout
    assert "test-stack test-postgres" in run.stdout
