"""Who may do what on the indexer."""

import pytest

from tests.local.indexer_side import EVERY, INDEX, IndexerSide, alert

pytestmark = pytest.mark.anyio

VERA = {"x-proxy-user": "usr_vera", "x-proxy-roles": "tenant_readonly", "x-forwarded-for": "198.51.100.7"}


@pytest.fixture
async def indexer(play) -> IndexerSide:
    side = IndexerSide(await play("indexer"))
    await side.put(alert(1))
    return side


async def test_health_needs_nobody_and_everything_else_somebody(indexer) -> None:
    async with indexer.node.client(9200) as stranger:
        assert (await stranger.get("/_plugins/_security/health")).json()["status"] == "UP"
        for path in ("/", "/_cluster/health", f"/{EVERY}/_search", "/_cat/indices"):
            answer = await stranger.get(path)
            assert answer.status_code == 401
            assert "Basic" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("credential", [("admin", "admin"), ("admin", ""), ("", ""), ("nobody", "x")])
async def test_a_wrong_password_is_401(indexer, credential) -> None:
    async with indexer.node.client(9200, auth=credential) as stranger:
        assert (await stranger.get("/_cluster/health")).status_code == 401


async def test_the_admin_sees_a_green_cluster_that_says_it_is_a_stand_in(indexer) -> None:
    assert (await indexer.http.get("/_cluster/health")).json()["status"] == "green"
    assert "Stand-in" in (await indexer.http.get("/")).json()["tagline"]


async def test_a_person_named_by_the_proxy_may_read_alerts_and_nothing_else(indexer) -> None:
    async with indexer.node.client(9200, headers=VERA) as vera:
        assert (await vera.post(f"/{EVERY}/_search", json={})).json()["hits"]["total"]["value"] == 1
        assert (await vera.get("/_cluster/health")).status_code == 200
        assert (await vera.delete(f"/{INDEX}/_doc/1795428000.1")).status_code == 403
        assert (await vera.post("/_bulk", content=b"{}\n{}\n")).status_code == 403
        assert (await vera.delete(f"/{INDEX}")).status_code == 403
        assert (await vera.post("/_search", json={})).status_code == 403, "everything is more than alerts"
        assert (await vera.post("/.kibana/_search", json={})).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({key: VERA[key] for key in ("x-proxy-user", "x-proxy-roles")}, 401),
        ({key: VERA[key] for key in ("x-proxy-roles", "x-forwarded-for")}, 401),
        ({**VERA, "x-proxy-roles": ""}, 403),
        ({**VERA, "x-proxy-roles": "all_access"}, 403),
        ({**VERA, "x-proxy-roles": "admin"}, 403),
    ],
)
async def test_proxy_headers_count_only_in_full_and_with_a_role_that_is_mapped(indexer, headers, status) -> None:
    async with indexer.node.client(9200, headers=headers) as mallory:
        assert (await mallory.post(f"/{EVERY}/_search", json={})).status_code == status


async def test_the_dashboards_own_user_reads_no_alerts(indexer) -> None:
    async with indexer.node.client(9200, auth=("kibanaserver", "Kibana.1-password")) as dashboard:
        assert (await dashboard.get("/_cluster/health")).status_code == 200
        assert (await dashboard.post(f"/{EVERY}/_search", json={})).status_code == 403
        assert (await dashboard.put("/.kibana_1/_doc/a", json={})).status_code == 201


@pytest.mark.parametrize(("method", "path"), [("PATCH", "/_bulk"), ("GET", "/a/b/c/d/e"), ("POST", "/_sql/x/y")])
async def test_what_it_does_not_know_it_refuses(indexer, method, path) -> None:
    assert (await indexer.http.request(method, path)).status_code in (404, 405)
