"""The load driver as a process that does one job after the other."""

import json
import subprocess
from typing import Any, Self

from local.stack.layout import REPOSITORY

NODE = str(REPOSITORY / "worker/node_modules/.bin/node")


class JobFailed(Exception):
    """A job of the load driver did not come to its end; the message is the driver's."""


class LoadDriver:
    """Asks `load/main.mjs`; a context that ends it."""

    def __enter__(self) -> Self:
        argv = [NODE, str(REPOSITORY / "local/bench/load/main.mjs")]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(10)

    def __call__(self, job: str, **order: Any) -> float:
        """Does a job and returns its one figure.

        Raises:
            JobFailed: with the driver's own words.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"job": job, **order}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"failed": f"{job}: the driver ended"}
        if "failed" in answer:
            raise JobFailed(answer["failed"])
        return float(answer["told"]["figure"])
