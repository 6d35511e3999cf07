"""docs/threats.md promises a test for each attack; a test that was renamed or dropped must not stay promised."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE = (REPOSITORY / "docs/threats.md").read_text()
PYTHON = re.compile(r"`([\w/]*\.py)?::(\w+)`")
WORKER = re.compile(r"`(\w+\.test\.ts)` › ([^|`]+)")


def python_tests() -> list[tuple[str, str]]:
    """(file, test) pairs; a test without a file belongs to the one named before it in its row."""
    found, file = [], ""
    for named, test in PYTHON.findall(TABLE):
        file = named or file
        found.append((file, test))
    return found


def worker_tests() -> list[tuple[str, str]]:
    return [(file, title.strip()) for file, titles in WORKER.findall(TABLE) for title in titles.split(";")]


def test_the_table_names_tests_at_all() -> None:
    assert len(python_tests()) > 50
    assert len(worker_tests()) > 30


@pytest.mark.parametrize(("file", "test"), python_tests())
def test_a_promised_python_test_exists(file: str, test: str) -> None:
    assert f"def {test}(" in (REPOSITORY / "tests" / file).read_text()


@pytest.mark.parametrize(("file", "title"), worker_tests())
def test_a_promised_worker_test_exists(file: str, title: str) -> None:
    source = (REPOSITORY / "worker/test" / file).read_text().replace('\\"', '"')
    assert title in source
