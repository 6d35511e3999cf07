"""
An edge in memory, behind the very addresses and bodies of the contract, for tests of its only client.

It keeps the rules that the control plane builds on: the fence, tombstones, one run an operation, `seq` that rises with
every view, a feed with an epoch. `tests/contract` holds the real edge to the same rules.
"""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx

from tests.tenants.edge_events import EdgeEvents
from tests.tenants.edge_exports import EdgeExports
from tests.tenants.edge_life import NOW
from tests.tenants.edge_signer import Signer

BEGINS = {"start": "starting", "clone": "starting", "upgrade": "running", "resize": "running", "content": "running"}
"""Kind of run → what is observed of a tenant as it begins."""
NO_CONTENT = {"wanted": None, "applied": None, "error": None}


def refusal(status: int, code: str, *, retryable: bool = False, details: list[dict[str, str]] | None = None) -> Any:
    body = {"code": code, "message": f"{code} was met.", "hint": "Do something.", "retryable": retryable}
    return httpx.Response(status, json={**body, **({"details": details} if details else {})})


class FakeEdge(EdgeEvents, EdgeExports):
    """Answers requests; `fail_next` puts an answer or an exception in front, `calls` is what came in."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: dict[tuple[str, str], dict[str, Any]] = {}
        self.agents: dict[str, list[dict[str, Any]]] = {}
        self.orders: dict[tuple[str, str], dict[str, Any]] = {}
        self.contents: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.tried: list[dict[str, Any]] = []
        self.partial: dict[str, str] = {}
        self.restored: list[str] = []
        self.keys = {"current": "k1", "configured": ["k1"], "in_use": [{"kek": "k1", "tenants": 3}], "unknown": 0}
        self.signer = Signer()
        self.feed_epoch = "epoch-1"
        self.oldest_seq = 1
        self.calls: list[tuple[str, str]] = []
        self.requests: list[httpx.Request] = []
        self.failures: list[tuple[str, Any]] = []
        self.lost_answers: list[str] = []

    def fail_next(self, match: str, failure: Any) -> None:
        """The next call whose "METHOD path" contains `match` gets this answer or exception, and has no effect."""
        self.failures.append((match, failure))

    def lose_answer_of_next(self, match: str) -> None:
        """The next such call has its effect, but its answer never arrives."""
        self.lost_answers.append(match)

    def handle(self, request: httpx.Request) -> httpx.Response:
        path, call = request.url.path, f"{request.method} {request.url.path}"
        self.calls.append((request.method, path))
        self.requests.append(request)
        for position, (match, failure) in enumerate(self.failures):
            if match in call:
                del self.failures[position]
                if isinstance(failure, Exception):
                    raise failure
                return failure
        answer = self._route(request)
        for position, match in enumerate(self.lost_answers):
            if match in call:
                del self.lost_answers[position]
                raise httpx.ReadTimeout("the answer was lost", request=request)
        return answer

    def count(self, match: str) -> int:
        return sum(match in f"{method} {path}" for method, path in self.calls)

    # The doors

    def _route(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        for method, pattern, door in self._doors():
            match = re.fullmatch(pattern, request.url.path)
            if method == request.method and match:
                return door(*match.groups(), body=body, query=dict(request.url.params))
        return refusal(404, "NOT_FOUND")

    def _doors(self) -> list[tuple[str, str, Callable[..., httpx.Response]]]:
        one = r"/v1/tenants/([a-z2-7]{26})"
        return [
            ("PUT", one, self._put),
            ("GET", one, self._get),
            ("DELETE", one, self._delete),
            ("GET", r"/v1/tenants", self._list),
            ("GET", r"/v1/changes", self._changes),
            ("GET", r"/v1/usage", self._usage),
            ("GET", r"/v1/keys", lambda *, body, query: httpx.Response(200, json=self.keys)),
            ("PUT", rf"{one}/tokens/([a-z2-7]{{10}})", self._put_token),
            ("GET", rf"{one}/tokens/([a-z2-7]{{10}})", self._get_token),
            ("DELETE", rf"{one}/tokens/([a-z2-7]{{10}})", self._delete_token),
            ("GET", rf"{one}/agents", self._agents),
            ("POST", rf"{one}/agents/import", self._import),
            ("POST", rf"{one}/agents/(\d+)/quarantine", self._quarantine),
            ("PUT", rf"{one}/agent-orders/(ord_\w+)", self._order_agents),
            ("GET", rf"{one}/agent-orders/(ord_\w+)", self._agent_order),
            ("POST", rf"{one}/tokens/(\w+)/quarantine", self._quarantine_token),
            ("PUT", rf"{one}/content/([0-9a-f]{{64}})", self._put_content),
            ("POST", rf"{one}/logtest", self._logtest),
            ("POST", rf"{one}/certs/rotate", self._rotate),
            ("POST", rf"{one}/sleep", self._sleep),
            ("POST", rf"{one}/wake", self._wake),
            ("POST", rf"{one}/credentials/rotate", partial(self._rotate, kind="rotate_credentials")),
            ("POST", rf"{one}/backups", self._order_backup),
            ("GET", rf"{one}/backups", self._backups),
            ("PUT", rf"{one}/exports/(exp_\w+)", self._order_export),
            ("GET", rf"{one}/exports", self._exports),
            ("GET", rf"{one}/exports/(exp_\w+)", self._export_manifest),
            ("GET", rf"{one}/exports/(exp_\w+)/files/(\d+)", self._export_file),
            ("POST", rf"{one}/restore", self._restore),
            ("GET", rf"{one}/(erasure-certificate|isolation-receipt)", self._receipt),
            ("GET", r"/\.well-known/jwks\.json", self._receipt_keys),
            ("PUT", rf"{one}/portal-trail", self._portal_trail),
            ("POST", rf"{one}/dashboard-codes", self._code),
            ("POST", rf"{one}/revocations", self._revoke),
            ("GET", r"/api/events", self._events),
        ]

    def _receipt(self, tenant_id: str, which: str, *, body: Any, query: Any) -> httpx.Response:
        view = self.views.get(tenant_id)
        if view is None:
            return refusal(404, "TENANT_UNKNOWN")
        kind, erased = which.split("-")[0], view["observed"] == "absent"
        if kind == "erasure" and not erased:
            return refusal(409, "NOT_ERASED")
        if kind == "isolation" and erased:
            return refusal(410, "TENANT_DELETED")
        return httpx.Response(200, json={"receipt": self.signer.sign({"kind": kind, "tenant": tenant_id})})

    def _receipt_keys(self, *, body: Any, query: Any) -> httpx.Response:
        return httpx.Response(200, json={"keys": [self.signer.jwk]})

    def _put(self, tenant_id: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        view = self.views.get(tenant_id)
        if view and view["requested"] == "deleted":
            return refusal(410, "TENANT_DELETED")
        if body.get("from") and view and (self.bodies[tenant_id].get("from") != body["from"]):
            return refusal(409, "CLONE_REFUSED")
        wanted = body["plan"].get("content")
        if wanted and (tenant_id, wanted) not in self.contents:
            return refusal(409, "CONTENT_MISSING")
        kind = self._kind(view, self.bodies.get(tenant_id), body)
        return self._accept(tenant_id, kind, body, body["requested"], body["plan"]["version"])

    def _kind(self, view: Any, known: Any, body: dict[str, Any]) -> str:
        """A tenant that runs changes its version or its sizes one role after the other."""
        if body["requested"] != "running":
            return "stop"
        if not view or view["observed"] not in ("running", "degraded"):
            return "clone" if body.get("from") else "start"
        if view["version"] != body["plan"]["version"]:
            return "upgrade"
        if known["plan"].get("content") != body["plan"].get("content"):
            return "content"
        return "start" if known["plan"]["roles"] == body["plan"]["roles"] else "resize"

    def _put_content(self, tenant_id: str, digest: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        """Knows a bundle by what it holds, as the contract says."""
        files = sorted(body["files"], key=lambda each: (each["kind"], each["name"]))
        text = json.dumps({"files": files}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            return refusal(422, "CONTENT_MISMATCH")
        known = (tenant_id, digest) in self.contents
        self.contents[tenant_id, digest] = files
        size = sum(len(each["text"].encode()) for each in files)
        return httpx.Response(200 if known else 201, json={"digest": digest, "files": len(files), "bytes": size})

    def _logtest(self, tenant_id: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        """Knows one kind of event."""
        self.tried.append(body)
        if "sshd" not in body["event"]:
            output = {"rule": None, "decoder": None, "data": {}, "location": body["location"]}
            return httpx.Response(200, json={"alert": False, "output": output, "messages": [], "token": None})
        rule = {"id": "5710", "level": 5, "description": "sshd: no such user", "groups": ["sshd"]}
        decoder = {"name": "sshd", "parent": "sshd"}
        output = {"rule": rule, "decoder": decoder, "data": {"srcip": "192.0.2.7"}, "location": body["location"]}
        return httpx.Response(200, json={"alert": True, "output": output, "messages": [], "token": None})

    def _delete(self, tenant_id: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        return self._accept(tenant_id, "delete", body, "deleted", None)

    def _accept(self, tenant_id: str, kind: str, body: dict[str, Any], requested: str, version: Any) -> httpx.Response:
        view, known = self.views.get(tenant_id), self.bodies.get(tenant_id)
        fence = (body["epoch"], body["generation"])
        if view and fence < (view["epoch"], view["generation"]):
            return refusal(409, "STALE_GENERATION")
        if view and fence == (view["epoch"], view["generation"]):
            return httpx.Response(202, json=view) if body == known else refusal(409, "GENERATION_CONFLICT")
        before = view or {"seq": 0, "observed": "unknown", "observed_generation": 0}
        steps = self.steps_of(view, kind, body["operation_id"])
        wanted = body.get("plan", {}).get("content")
        self.bodies[tenant_id] = body
        self.views[tenant_id] = {
            "id": tenant_id,
            "epoch": fence[0],
            "generation": fence[1],
            "requested": requested,
            "observed": BEGINS.get(kind, "stopping"),
            "observed_generation": before["observed_generation"],
            "reason": None,
            "runtime": "stand-in",
            "version": view["version"] if view and kind == "upgrade" else version,
            "nodes": [],
            "run": {"operation_id": body["operation_id"], "kind": kind, "state": "running", "steps": steps},
            "certificate": None,
            "content": {**before.get("content", NO_CONTENT), "wanted": wanted, "error": None},
            "backup_schedule": body["plan"].get("backups") if "plan" in body else None,
            "sleeping": None,
            "detection_delayed_since": None,
            "agents": {"enrolled": 0, "active": 0},
            "attention": [],
            "stream": {"seq": 0, "last_event_at": None},
            "dashboard_url": f"http://{tenant_id}.localhost:8787/dashboard/",
            "seq": before["seq"],
            "updated_at": NOW,
        }
        self.publish(tenant_id)
        return httpx.Response(202, json=self.views[tenant_id])

    def _get(self, tenant_id: str, *, body: Any, query: Any) -> httpx.Response:
        view = self.views.get(tenant_id)
        return httpx.Response(200, json=view) if view else refusal(404, "TENANT_UNKNOWN")

    def _list(self, *, body: Any, query: dict[str, str]) -> httpx.Response:
        ids = sorted(each for each in self.views if each > query.get("after", ""))
        page = ids[: int(query["limit"])]
        more = page[-1] if len(ids) > len(page) else None
        position = {"feed_epoch": self.feed_epoch, "latest_seq": len(self.changes)}
        return httpx.Response(200, json={"tenants": [self.views[each] for each in page], "next": more, **position})

    def _changes(self, *, body: Any, query: dict[str, str]) -> httpx.Response:
        after, limit = int(query["after"]), int(query["limit"])
        kept = [change for change in self.changes if change["seq"] > after and change["seq"] >= self.oldest_seq]
        bounds = {"feed_epoch": self.feed_epoch, "oldest_seq": self.oldest_seq, "latest_seq": len(self.changes)}
        return httpx.Response(200, json={**bounds, "changes": kept[:limit]})

    def _usage(self, *, body: Any, query: dict[str, str]) -> httpx.Response:
        after, limit = int(query["after"]), int(query["limit"])
        rows = [row for row in self.used if row["seq"] > after]
        latest = self.used[-1]["seq"] if self.used else 0
        oldest = self.used[0]["seq"] if self.used else latest + 1
        bounds = {"feed_epoch": self.feed_epoch, "oldest_seq": oldest, "latest_seq": latest}
        return httpx.Response(200, json={**bounds, "rows": rows[:limit]})

    def _put_token(self, tenant_id: str, token_id: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        known = self.tokens.setdefault((tenant_id, token_id), {**body, "uses": 0, "revoked": False})
        return httpx.Response(200, json=self._token_view(token_id, known))

    def _get_token(self, tenant_id: str, token_id: str, *, body: Any, query: Any) -> httpx.Response:
        known = self.tokens.get((tenant_id, token_id))
        return httpx.Response(200, json=self._token_view(token_id, known)) if known else refusal(404, "TOKEN_NOT_FOUND")

    def _delete_token(self, tenant_id: str, token_id: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        assert body["epoch"] == 1
        known = self.tokens.get((tenant_id, token_id))
        if known is None:
            return refusal(404, "TOKEN_NOT_FOUND")
        known["revoked"], known["ends_at"] = datetime.fromisoformat(body["at"]) <= datetime.now(UTC), body["at"]
        return httpx.Response(200, json=self._token_view(token_id, known))

    def _token_view(self, token_id: str, token: dict[str, Any]) -> dict[str, Any]:
        state = "revoked" if token["revoked"] else "active"
        shown = {name: token[name] for name in ("uses", "max_uses", "expires_at")}
        return {"id": token_id, "state": state, **shown}

    def _agents(self, tenant_id: str, *, body: Any, query: Any) -> httpx.Response:
        reason = self.partial.get(tenant_id)
        seen = {"agents": self.agents.get(tenant_id, []), "partial": reason is not None, "reason": reason}
        return httpx.Response(200, json=seen)

    def _import(self, tenant_id: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        known = self.agents.setdefault(tenant_id, [])
        told = []
        for agent in body["agents"]:
            there = next((each for each in known if each["id"] == agent["id"]), None)
            same = there and (there["name"], there.get("key")) == (agent["name"], agent["key"])
            told.append({**agent, "outcome": ("known" if same else "number_taken") if there else "imported"})
            if there is None:
                known.append({**agent, "token": None, "groups": [], "status": "pending", "quarantined": False})
        return httpx.Response(200, json={"agents": told})

    def _quarantine(self, tenant_id: str, agent: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        found = next((each for each in self.agents.get(tenant_id, []) if each["id"] == agent), None)
        if found is None:
            return refusal(404, "AGENT_NOT_FOUND")
        found["quarantined"] = True
        return httpx.Response(200, json=found)

    def _order_agents(self, tenant_id: str, order: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        """Removes at once; anything else waits until a test says what became of it."""
        if (tenant_id, order) not in self.orders:
            listed, removes = self.agents.get(tenant_id, []), body["kind"] == "remove"
            state = "done" if removes else "waiting"
            results = [{"agent": each, "state": state, "note": None, "at": NOW} for each in body["agents"]]
            self.orders[tenant_id, order] = {"id": order, "kind": body["kind"], "results": results, "body": body}
            if removes:
                self.agents[tenant_id] = [each for each in listed if each["id"] not in body["agents"]]
        return self._agent_order(tenant_id, order, body=None, query=None)

    def _agent_order(self, tenant_id: str, order: str, *, body: Any, query: Any) -> httpx.Response:
        known = self.orders.get((tenant_id, order))
        if known is None:
            return refusal(404, "AGENT_ORDER_NOT_FOUND")
        return httpx.Response(202, json={name: known[name] for name in ("id", "kind", "results")})

    def settle_order(self, tenant_id: str, order: str, agent: str, state: str, note: str | None = None) -> None:
        """The manager came so far with an order for one agent, which the feed tells."""
        told = {"agent": agent, "state": state, "note": note, "at": NOW}
        results = self.orders[tenant_id, order]["results"]
        results[:] = [told if each["agent"] == agent else each for each in results]
        self.publish(tenant_id, "agent_order", {"order": order, "results": [told]})

    def _quarantine_token(self, tenant_id: str, token: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        known = self.tokens.get((tenant_id, token))
        if known is None:
            return refusal(404, "TOKEN_NOT_FOUND")
        known["revoked"] = True
        ended = [each for each in self.agents.get(tenant_id, []) if each["token"] == token]
        for each in ended:
            each["quarantined"] = True
        return httpx.Response(200, json={"token": self._token_view(token, known), "agents": len(ended)})

    def _rotate(self, tenant_id: str, *, body: dict[str, Any], query: Any, kind: str = "rotate") -> httpx.Response:
        view = self.views[tenant_id]
        if view["run"]["operation_id"] != body["operation_id"]:
            if view["run"]["state"] == "running":
                return refusal(409, "OPERATION_IN_PROGRESS")
            self.begin_rotation(tenant_id, body["operation_id"], kind)
        return httpx.Response(202, json=view)

    def _order_backup(self, tenant_id: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        assert set(body) == {"epoch", "idempotency_key", "backup"}
        return httpx.Response(202, json=self.back_up(tenant_id, body["backup"]))

    def _backups(self, tenant_id: str, *, body: Any, query: Any) -> httpx.Response:
        return httpx.Response(200, json={"backups": self.backups.get(tenant_id, [])})

    def _restore(self, tenant_id: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        assert set(body) == {"epoch", "idempotency_key", "operation_id", "backup"}
        view, key = self.views[tenant_id], body["idempotency_key"]
        if key in self.restored:
            return httpx.Response(202, json=view)
        if not any(each["id"] == body["backup"] for each in self.backups.get(tenant_id, [])):
            return refusal(404, "BACKUP_NOT_FOUND")
        if view["run"]["state"] == "running":
            return refusal(409, "OPERATION_IN_PROGRESS")
        self.restored.append(key)
        steps = self.steps_of(None, "restore", body["operation_id"])
        view["run"] = {"operation_id": body["operation_id"], "kind": "restore", "state": "running", "steps": steps}
        self.publish(tenant_id)
        return httpx.Response(202, json=view)

    def _sleep(self, tenant_id: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        view = self.views[tenant_id]
        if view["agents"]["active"]:
            return refusal(409, "AGENTS_CONNECTED")
        return self._change(tenant_id, "sleep", body)

    def _wake(self, tenant_id: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        return self._change(tenant_id, "wake", body)

    def _change(self, tenant_id: str, kind: str, body: dict[str, Any]) -> httpx.Response:
        if self.views[tenant_id]["run"]["operation_id"] != body["operation_id"]:
            self.begin_change(tenant_id, kind, body["operation_id"])
        return httpx.Response(202, json=self.views[tenant_id])

    def _portal_trail(self, tenant_id: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        view = self.views.get(tenant_id)
        if view is None:
            return refusal(404, "TENANT_UNKNOWN")
        told = {name: body[name] for name in ("organization", "position", "hash")}
        known = view.get("portal_trail")
        if known and known["position"] == told["position"] and known != told:
            return refusal(409, "TRAIL_FORKED")
        if known is None or told["position"] > known["position"]:
            view["portal_trail"] = told
            self.note_act(tenant_id)
        return httpx.Response(
            200, json={"portal_trail": view["portal_trail"], "audit": view.get("audit") or {"position": 0, "hash": ""}}
        )

    def note_act(self, tenant_id: str) -> None:
        """The tenant's own trail has one record more."""
        position = (self.views[tenant_id].get("audit") or {"position": 0})["position"] + 1
        self.views[tenant_id]["audit"] = {"position": position, "hash": f"{position:064x}"}

    def _code(self, tenant_id: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        post_to = f"http://{tenant_id}.localhost:8787/session"
        return httpx.Response(201, json={"code": "code_x", "post_to": post_to, "expires_at": NOW})

    def _revoke(self, tenant_id: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        return httpx.Response(200, json={"closed": 1})
