"""A SCIM client as RFC 7644 describes one: it checks each answer's form, and knows nothing of the service's code."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.http import HttpResponse
from django.test import Client

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
MEDIA_TYPE = "application/scim+json"


@dataclass
class ScimClient:
    """One client with its token. `connection` is the id in its address."""

    connection: str
    token: str
    address: str = "203.0.113.7"

    def send(self, method: str, path: str, body: Any = None, *, kind: str = MEDIA_TYPE, **headers: str) -> HttpResponse:
        """Sends one request; every answer with a body must be SCIM's."""
        client = Client(raise_request_exception=False, REMOTE_ADDR=self.address)
        data = body if isinstance(body, str | bytes) else json.dumps(body) if body is not None else ""
        given = {"Authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        answer = client.generic(method, f"/scim/v2/{self.connection}{path}", data, content_type=kind, headers=given)
        if answer.content:
            assert answer["Content-Type"].partition(";")[0] == MEDIA_TYPE, answer["Content-Type"]
            self._check_form(answer)
        return answer

    def _check_form(self, answer: HttpResponse) -> None:
        told = answer.json()
        assert told["schemas"], told
        if answer.status_code >= 400:
            assert told["schemas"] == [ERROR]
            assert told["status"] == str(answer.status_code)
            assert told["detail"]
        elif "id" in told and "meta" in told:
            assert told["meta"]["location"].startswith("http")

    def get(self, path: str, **headers: str) -> Any:
        answer = self.send("GET", path, **headers)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def find(self, path: str, filter_: str, more: str = "") -> list[Any]:
        """The resources that a filter finds."""
        told = self.get(f"{path}?filter={quote(filter_)}{more}")
        assert told["schemas"] == [LIST]
        assert told["itemsPerPage"] == len(told["Resources"])
        return told["Resources"]

    def post(self, path: str, body: Any) -> Any:
        answer = self.send("POST", path, body)
        assert answer.status_code == 201, answer.content
        told = answer.json()
        assert answer["Location"] == told["meta"]["location"]
        assert answer["ETag"] == told["meta"]["version"]
        return told

    def put(self, path: str, body: Any) -> Any:
        answer = self.send("PUT", path, body)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def patch(self, path: str, *operations: dict[str, Any], **more: str) -> Any:
        """Sends operations; returns what is answered, or what is there after an answer without a body."""
        answer = self.send("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)}, **more)
        assert answer.status_code in (200, 204), answer.content
        return answer.json() if answer.status_code == 200 else self.get(path)

    def refused(self, method: str, path: str, body: Any = None, **more: str) -> tuple[int, str]:
        """Status and scimType of a request that is refused."""
        answer = self.send(method, path, body, **more)
        assert answer.status_code >= 400, answer.content
        return answer.status_code, answer.json().get("scimType", "")

    def refused_patch(self, path: str, *operations: Any) -> tuple[int, str]:
        return self.refused("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})

    def user(self, user_name: str, /, **more: Any) -> Any:
        """Makes a user."""
        return self.post("/Users", {"schemas": [USER], "userName": user_name, **more})

    def group(self, name: str, /, *members: Any, **more: Any) -> Any:
        """Makes a group of users."""
        who = [{"value": each["id"]} for each in members]
        return self.post("/Groups", {"schemas": [GROUP], "displayName": name, "members": who, **more})
