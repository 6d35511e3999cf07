"""The portal's REST API, as an operator's key sees it."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx

OVER = ("succeeded", "failed", "cancelled")
LOOK_SECONDS = 1.0


class NotSo(Exception):
    """Something was not as it has to be; the text says what was seen."""


class Portal:
    """Args: address: the portal's origin; key: an API key that may make tenants."""

    def __init__(self, address: str, key: str) -> None:
        headers = {"authorization": f"Bearer {key}"}
        self.address = address
        self._http = httpx.Client(base_url=f"{address}/api/v1", headers=headers, timeout=30, trust_env=False)

    def get(self, path: str, **query: str | int) -> Any:
        return self._answer(self._http.get(path, params=query))

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"idempotency-key": str(uuid.uuid4())}
        return self._answer(self._http.post(path, json=body or {}, headers=headers))

    def delete(self, path: str, body: dict[str, Any]) -> Any:
        return self._answer(self._http.request("DELETE", path, json=body))

    def succeeded(self, operation: str, seconds: float) -> Any:
        """The operation once it succeeded. Raises NotSo when it ended otherwise, or not in time."""
        done = wait_for(lambda: self._if_over(operation), f"the end of operation {operation}", seconds)
        if done["state"] != "succeeded":
            failed = [step for step in done["steps"] if step["state"] == "failed"]
            raise NotSo(f"the operation {done['state']}: {failed or done['steps']}")
        return done

    def _if_over(self, operation: str) -> Any:
        found = self.get(f"/operations/{operation}")
        return found if found["state"] in OVER else None

    @staticmethod
    def _answer(answer: httpx.Response) -> Any:
        if answer.is_error:
            raise NotSo(
                f"{answer.request.method} {answer.request.url} answered {answer.status_code}: {answer.text[:300]}"
            )
        return answer.json() if answer.content else {}


def wait_for[T](look: Callable[[], T | None], what: str, seconds: float) -> T:
    """What `look` finds, once it finds something. Raises NotSo naming `what` after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() >= deadline:
            raise NotSo(f"{what}: not within {seconds:.0f} seconds")
        time.sleep(LOOK_SECONDS)
    return found
