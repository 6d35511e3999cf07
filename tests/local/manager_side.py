"""The manager's API as the edge uses it."""

from typing import Any

import httpx

from tests.local.played import MANAGER_ENVIRONMENT, PlayedNode

RUN_AS = "/security/user/authenticate/run_as"
KEY = "0123456789abcdef" * 4
BASIC = (MANAGER_ENVIRONMENT["API_USERNAME"], MANAGER_ENVIRONMENT["API_PASSWORD"])


class ManagerSide:
    """Signs in once and calls."""

    def __init__(self, node: PlayedNode) -> None:
        self.http: httpx.AsyncClient = node.client(55000)
        self.node = node

    async def sign_in(self) -> "ManagerSide":
        answer = await self.http.post("/security/user/authenticate", auth=BASIC)
        self.http.headers["authorization"] = f"Bearer {answer.json()['data']['token']}"
        return self

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, path, json=body)
        return answer.json()

    async def asks_as(self, context: dict[str, Any], method: str, path: str, body: Any = None) -> int:
        """The status of a call with a token for an authorization context."""
        answer = await self.http.post(RUN_AS, json=context, auth=BASIC)
        bearer = {"authorization": f"Bearer {answer.json()['data']['token']}"}
        return (await self.http.request(method, path, json=body, headers=bearer)).status_code

    async def insert(self, id: str = "001", name: str = "web-1", key: str = KEY) -> None:
        answer = await self.http.post("/agents/insert", json={"id": id, "name": name, "key": key, "ip": "any"})
        assert answer.status_code == 200, answer.text

    async def agent(self, id: str = "001") -> dict[str, Any]:
        answer = await self.call("GET", f"/agents?agents_list={id}")
        [view] = answer["data"]["affected_items"]
        return view
