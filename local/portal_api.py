"""A client of the portal's REST API, for the demonstration, `make demo`, `make chaos` and the journeys."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx

from local.stack.handle import wait_for
from local.visitor import client

Json = dict[str, Any]
OVER = {"succeeded", "failed", "cancelled"}


class ApiRefused(Exception):
    """The API answered with a problem; the message holds status, code and detail."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class PortalApi:
    """The API as one key sees it.

    Args:
        portal: base address.
        key: an API key, `api_…`.
    """

    def __init__(self, portal: str, key: str) -> None:
        self.http = client(base_url=f"{portal}/api/v1", headers={"authorization": f"Bearer {key}"})

    def get(self, path: str, **query: str | int) -> Json:
        return self._answer(self.http.get(path, params=query))

    def post(self, path: str, body: Json | None = None, *, key: str = "") -> Json:
        """POST under an Idempotency-Key, so that a repeat has one effect."""
        headers = {"idempotency-key": key or str(uuid.uuid4())}
        return self._answer(self.http.post(path, json=body or {}, headers=headers))

    def delete(self, path: str, body: Json | None = None) -> Json:
        return self._answer(self.http.request("DELETE", path, json=body or {}))

    def all(self, path: str, **query: str | int) -> list[Json]:
        """Every row of a list, page after page."""
        page = self.get(path, **query)
        rows: list[Json] = page["results"]
        while page["next"]:
            page = self.get(path, **query, cursor=page["next"])
            rows += page["results"]
        return rows

    def wait_until(self, path: str, holds: Callable[[Json], bool], seconds: float = 60) -> Json:
        """What is at `path` once `holds` says yes to it; raises NotInTime."""
        return wait_for(lambda: found if holds(found := self.get(path)) else None, path, seconds)

    def enrollment_token(self, tenant: str, name: str, seconds: float = 30, **wish: int) -> str:
        """The secret of a new token, once the edge knows it: until then it would refuse a machine that brings it."""
        made = self.post(f"/tenants/{tenant}/tokens", {"name": name, "max_uses": 1, **wish})
        self.wait_until(f"/tenants/{tenant}/tokens/{made['id']}", lambda row: not row["pending"], seconds)
        return str(made["secret"])

    def finished(self, operation: str, seconds: float = 120) -> Json:
        """The operation once it is over."""
        return wait_for(lambda: self._if_over(operation), f"operation {operation}", seconds)

    def succeeded(self, operation: str, seconds: float = 120) -> Json:
        """The operation once it succeeded; raises ApiRefused when it ended otherwise."""
        done = self.finished(operation, seconds)
        if done["state"] != "succeeded":
            raise ApiRefused(f"operation {operation} {done['state']}: {done['steps']}")
        return done

    def _if_over(self, operation: str) -> Json | None:
        found = self.get(f"/operations/{operation}")
        return found if found["state"] in OVER else None

    @staticmethod
    def _answer(response: httpx.Response) -> Json:
        if response.is_error:
            told = f"{response.request.method} {response.url}: {response.status_code} {response.text[:600]}"
            raise ApiRefused(told, response.status_code)
        return response.json() if response.content else {}
