"""The manager's own API, as the reports use it."""

from typing import Any

import post

URL = "http://127.0.0.1:55000"

# What people may do there who come through the dashboard: the role the edge names -> roles of the API.
ROLES = {
    "tenant_admin": ("administrator",),
    "tenant_operator": ("agents_admin", "readonly"),
    "tenant_readonly": ("readonly",),
}


class Api:
    """Signs in at need; a token holds 15 minutes, which is longer than anything here takes."""

    def __init__(self, user: str, password: str, url: str = URL) -> None:
        self._url, self._basic = url, post.basic(user, password)
        self._bearer: dict[str, str] = {}

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        return post.call(method, self._url + path, body=body, headers=self._bearer)

    def sign_in(self) -> None:
        """Raises post.NotTaken until the API serves."""
        answer = post.call("POST", self._url + "/security/user/authenticate", headers=self._basic)
        self._bearer = {"authorization": f"Bearer {answer['data']['token']}"}

    def agents(self) -> dict[str, int]:
        """How many agents there are and how many are connected."""
        answer = self._call("GET", "/agents/summary/status")
        counts = answer["data"].get("connection") or answer["data"]
        return {"total": counts.get("total", 0), "active": counts.get("active", 0)}

    def map_roles(self) -> None:
        """Ties each role that the edge names to the API's roles. Doing it again changes nothing."""
        ids = {row["name"]: row["id"] for row in self._items("/security/roles")}
        rules = {row["name"]: row["id"] for row in self._items("/security/rules")}
        for name, roles in ROLES.items():
            rule = rules.get(name) or self._add_rule(name)
            for role in roles:
                self._call("POST", f"/security/roles/{ids[role]}/rules?rule_ids={rule}")

    def _add_rule(self, name: str) -> int:
        body = {"name": name, "rule": {"FIND": {"backend_roles": name}}}
        return self._call("POST", "/security/rules", body)["data"]["affected_items"][0]["id"]

    def _items(self, path: str) -> Any:
        return self._call("GET", f"{path}?limit=500")["data"]["affected_items"]
