"""The only code that speaks to the edge: signs every call, and turns answers into values and errors of its own."""

import base64
import hashlib
import json
import re
from types import SimpleNamespace

import httpx
import jwt
import pytest
import structlog

from controlplane import edge_keys
from tenants.provisioning import edge_errors
from tenants.provisioning.edge_api import EdgeApi
from tests.tenants.conftest import EDGE
from tests.tenants.edge import FakeEdge, refusal

TENANT = "lo" + "a" * 24
CELL = SimpleNamespace(id="lo", base_url=EDGE)


@pytest.fixture
def api(edge: FakeEdge) -> EdgeApi:
    return EdgeApi(CELL)


def claims_of(request: httpx.Request) -> tuple[dict, dict]:
    bearer = request.headers["Authorization"].removeprefix("Bearer ")
    door = "access" if jwt.get_unverified_header(bearer)["typ"].startswith("edge-access") else "control"
    public = edge_keys.signing_key(door).private.public_key()
    claims = jwt.decode(bearer, public, algorithms=["EdDSA"], audience="edge:test:lo", issuer="portal")
    return jwt.get_unverified_header(bearer), claims


def test_a_call_is_signed_for_exactly_its_method_path_and_body(api, edge):
    edge.agents[TENANT] = [{"id": "001"}]
    api.quarantine(TENANT, "001", {"epoch": 1, "reason": "stolen"})
    request = edge.requests[0]
    header, claims = claims_of(request)
    assert header["typ"] == "edge-control+jwt"
    assert (claims["htm"], claims["htu"]) == ("POST", f"/v1/tenants/{TENANT}/agents/001/quarantine")
    digest = hashlib.sha256(request.content).digest()
    assert claims["bh"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert claims["exp"] - claims["iat"] <= 60


def test_the_query_is_signed_as_it_is_sent(api, edge):
    api.changes(after=5, wait=0, limit=10)
    _, claims = claims_of(edge.requests[0])
    assert claims["htu"] == "/v1/changes?after=5&wait=0&limit=10"
    assert edge.requests[0].url.raw_path.decode() == claims["htu"]


@pytest.mark.parametrize("call", ["dashboard_code", "revoke_access", "agents"])
def test_what_the_portal_does_is_signed_with_the_access_key(api, edge, call):
    body = () if call == "agents" else ({},)
    getattr(api, call)(TENANT, *body)
    header, _ = claims_of(edge.requests[0])
    assert header["typ"] == "edge-access+jwt"


@pytest.mark.parametrize(
    ("bound", "sent"),
    [
        ({"request_id": "page-123456", "operation": "op_" + "a" * 20, "task_id": "t" * 36}, "page-123456"),
        ({"operation": "op_" + "a" * 20, "task_id": "t" * 36}, "op_" + "a" * 20),
        ({"operation": "", "task_id": "t" * 36}, "t" * 36),
    ],
)
def test_a_call_names_the_request_operation_or_task_that_it_belongs_to(api, edge, bound, sent):
    with structlog.contextvars.bound_contextvars(**bound):
        api.changes(after=0, wait=0)
    assert edge.requests[0].headers["X-Request-Id"] == sent


def test_a_call_that_belongs_to_nothing_names_itself(api, edge):
    for bound in ({}, {"task_id": "with spaces, so no id"}):
        with structlog.contextvars.bound_contextvars(**bound):
            api.changes(after=0, wait=0)
    first, second = (request.headers["X-Request-Id"] for request in edge.requests)
    assert first != second
    assert all(re.fullmatch(r"req_[a-z2-7]{20}", each) for each in (first, second))


def test_an_id_from_elsewhere_can_not_leave_its_place_in_the_path(api, edge):
    with pytest.raises(edge_errors.EdgeError):
        api.get_tenant("../changes?after=0")
    assert edge.requests[0].url.raw_path == b"/v1/tenants/..%2Fchanges%3Fafter%3D0"


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx.ConnectError("refused"), edge_errors.EdgeUnreachable),
        (httpx.ConnectTimeout("slow"), edge_errors.EdgeUnreachable),
        (httpx.ReadTimeout("slow"), edge_errors.EdgeAmbiguous),
        (httpx.RemoteProtocolError("cut"), edge_errors.EdgeAmbiguous),
        (httpx.Response(502, text="<html>Bad gateway</html>"), edge_errors.EdgeAmbiguous),
        (httpx.Response(403, text="<html>Blocked</html>"), edge_errors.EdgeAmbiguous),
        (httpx.Response(200, text="not json"), edge_errors.EdgeAmbiguous),
        (httpx.Response(200, json=[1]), edge_errors.EdgeAmbiguous),
        (httpx.Response(200, json={"id": TENANT}), edge_errors.EdgeAmbiguous),
        (httpx.Response(302, headers={"Location": "http://elsewhere.test/"}), edge_errors.EdgeAmbiguous),
        (refusal(500, "INTERNAL", retryable=True), edge_errors.EdgeAmbiguous),
        (refusal(503, "NODE_NOT_RUNNING", retryable=True), edge_errors.EdgeBusy),
        (refusal(404, "TENANT_UNKNOWN"), edge_errors.UnknownAtEdge),
        (refusal(410, "TENANT_DELETED"), edge_errors.TenantGone),
        (refusal(409, "STALE_GENERATION"), edge_errors.StaleGeneration),
        (refusal(409, "STALE_EPOCH"), edge_errors.StaleGeneration),
        (refusal(409, "GENERATION_CONFLICT"), edge_errors.GenerationConflict),
        (refusal(401, "UNAUTHENTICATED"), edge_errors.EdgeRefused),
    ],
)
def test_each_failure_says_whether_the_call_may_have_had_its_effect(api, edge, failure, kind):
    edge.fail_next("GET", failure)
    with pytest.raises(edge_errors.EdgeError) as raised:
        api.get_tenant(TENANT)
    assert type(raised.value) is kind
    assert raised.value.message


def test_the_fields_at_fault_reach_the_caller(api, edge):
    details = [{"path": "plan.version", "message": "is unknown"}]
    edge.fail_next("PUT", refusal(422, "INVALID_PLAN", details=details))
    with pytest.raises(edge_errors.EdgeRefused) as raised:
        api.put_tenant(TENANT, {})
    shown = raised.value.as_json()
    assert shown["details"] == details
    assert shown["retryable"] is False
    assert json.dumps(shown)


def test_no_error_tells_the_signature_or_the_body(api, edge):
    edge.fail_next("PUT", httpx.ReadTimeout("slow"))
    with pytest.raises(edge_errors.EdgeAmbiguous) as raised:
        api.put_token(TENANT, "a" * 10, {"secret_sha256": "feedbeef"})
    assert "feedbeef" not in str(raised.value.as_json())
    assert "Bearer" not in str(raised.value.as_json())
