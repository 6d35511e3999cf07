"""One local stack for all tests marked `stack`, started once a run; its logs stay in pytest's temporary folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack.handle import StackHandle, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackHandle]:
    """The whole product on free ports, without the demonstration; its logs go to the archive early."""
    root: Path = tmp_path_factory.mktemp("stack")
    with running_stack(root=root, small_logs=True, keep=True) as handle:
        yield handle


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failure on the stack is told with what launcher and edge said last: they name what could not be kept alive."""
    report = yield
    handle = getattr(item, "funcargs", {}).get("stack")
    if report.failed and handle:
        report.sections += [("Launcher", handle.launcher_log()), ("Edge", handle.part_log("edge"))]
    return report
