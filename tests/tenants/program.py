"""Somebody's program that uses the REST API."""

import json

from django.test import Client


class Program:
    """Somebody's program with an API key."""

    def __init__(self, secret: str) -> None:
        self.client, self.bearer = Client(), {"Authorization": f"Bearer {secret}"}

    def get(self, path: str, **query: object):
        return self.client.get(f"/api/v1/{path}", query, headers=self.bearer)

    def send(self, method: str, path: str, body: object = None, **headers: str):
        content = body if isinstance(body, bytes) else json.dumps({} if body is None else body)
        return self.client.generic(
            method, f"/api/v1/{path}", content, "application/json", headers={**self.bearer, **headers}
        )

    def post(self, path: str, body: object = None, **headers: str):
        return self.send("POST", path, body, **headers)
