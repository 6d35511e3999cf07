"""The dashboard: for nobody but whom the proxy headers name, and honest about what it is."""

import re

import pytest

from tests.local.agent_side import AgentSide
from tests.local.indexer_side import IndexerSide, alert
from tests.local.manager_side import KEY, ManagerSide

pytestmark = pytest.mark.anyio

VERA = {"x-proxy-user": "usr_vera", "x-proxy-roles": "tenant_readonly", "x-forwarded-for": "198.51.100.7"}
ALL = "/dashboard/?since="


@pytest.fixture
async def indexer(play, edge) -> IndexerSide:
    side = IndexerSide(await play("indexer"))
    edge.lead_to("indexer.internal", side.node.ports[9200])
    return side


@pytest.fixture
async def dashboard(play, edge):
    return await play("dashboard", HTTP_PROXY=edge.address)


@pytest.fixture
async def vera(dashboard):
    async with dashboard.client(5601, headers=VERA) as client:
        yield client


@pytest.mark.parametrize("missing", ["x-proxy-user", "x-proxy-roles"])
@pytest.mark.parametrize(
    "path", ["/dashboard/", "/dashboard/agents", "/dashboard/ui/style.css", "/", "/dashboard/none"]
)
async def test_without_its_proxy_headers_it_answers_401_everywhere(dashboard, missing, path) -> None:
    for headers in ({name: value for name, value in VERA.items() if name != missing}, {**VERA, missing: ""}, {}):
        async with dashboard.client(5601, headers=headers) as mallory:
            assert (await mallory.get(path)).status_code == 401


async def test_it_says_plainly_what_it_is_and_who_is_looking(indexer, vera) -> None:
    page = (await vera.get(ALL)).text

    assert "Stand-in dashboard" in page
    assert "Simulated." in page
    assert "usr_vera" in page
    assert "Viewer, read only" in page


async def test_alerts_are_shown_with_their_log_newest_first(indexer, vera) -> None:
    await indexer.put(alert(1, full_log="the first zebra"), alert(2, full_log="the second okapi"))

    page = (await vera.get(ALL)).text

    assert page.index("the second okapi") < page.index("the first zebra")


async def test_a_deleted_alert_is_gone_from_the_page(indexer, vera) -> None:
    await indexer.put(alert(1, full_log="the only zebra"))
    assert "the only zebra" in (await vera.get(ALL)).text

    await indexer.http.delete("/wazuh-alerts-4.x-2026.11.23/_doc/1795428000.1")

    page = (await vera.get(ALL)).text
    assert "the only zebra" not in page
    assert "No alerts match" in page


async def test_a_search_narrows_by_words_level_and_period(indexer, vera) -> None:
    high = {"id": "5763", "level": 10, "description": "brute force"}
    await indexer.put(alert(1, full_log="a zebra"), alert(2, full_log="an okapi", rule=high))

    assert "an okapi" not in (await vera.get(f"{ALL}&q=zebra")).text
    assert "a zebra" not in (await vera.get(f"{ALL}&level=10")).text
    assert "a zebra" not in (await vera.get("/dashboard/?since=15m")).text
    unreadable = await vera.get(f"{ALL}&q=(zebra")
    assert unreadable.status_code == 503
    assert "could not read this search" in unreadable.text
    assert (await vera.get("/dashboard/?since=forever")).status_code == 400


async def test_long_lists_are_paged(indexer, vera) -> None:
    await indexer.put(
        *[alert(number % 60, id=f"1795428000.{number}", full_log=f"line-{number}.") for number in range(60)]
    )

    first, second = (await vera.get(ALL)).text, (await vera.get(f"{ALL}&page=1")).text

    assert "Older" in first
    assert "Newer" not in first
    assert "line-59." in first
    assert "line-0." in second
    assert "Older" not in second


async def test_an_alerts_own_page_shows_every_field(indexer, vera) -> None:
    await indexer.put(alert(1))

    page = (await vera.get("/dashboard/alerts/1795428000.1")).text

    assert "data.srcip" in page
    assert "203.0.113.1" in page
    assert (await vera.get("/dashboard/alerts/nobody")).status_code == 404


async def test_a_log_line_cannot_bring_script_into_the_page(indexer, vera) -> None:
    attack = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    await indexer.put(alert(1, full_log=attack, agent={"id": "001", "name": attack}))

    for path in (ALL, "/dashboard/alerts/1795428000.1", f"{ALL}&q=%22%3E%3Cscript%3E"):
        page = (await vera.get(path)).text
        assert "<script" not in page
        assert "<img" not in page


async def test_its_pages_allow_no_inline_script_or_style_and_need_none(indexer, vera) -> None:
    answer = await vera.get(ALL)

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|<script|style=|\son\w+=", answer.text)
    assert (await vera.get("/dashboard/ui/style.css")).headers["content-type"].startswith("text/css")


async def test_it_asks_the_indexer_as_the_person_who_looks(indexer, vera, edge) -> None:
    await vera.get(ALL)

    [call] = await edge.calls_to("indexer.internal", "/wazuh-alerts-4.x-*/_search")
    assert {name: call.headers[name] for name in VERA} == VERA
    assert "authorization" not in call.headers


async def test_when_the_indexer_is_away_it_says_so(vera, edge) -> None:
    async def away(request):
        raise RuntimeError("no indexer")

    edge.handlers["indexer.internal"] = away

    answer = await vera.get(ALL)

    assert answer.status_code == 503
    assert "Nothing is lost" in answer.text


async def test_agents_are_shown_with_their_state(play, edge, vera) -> None:
    node = await play("manager", HTTP_PROXY=edge.address)
    edge.lead_to("manager.internal", node.ports[55000])
    manager = await ManagerSide(node).sign_in()
    assert "No agent is enrolled yet" in (await vera.get("/dashboard/agents")).text
    await manager.insert()
    await manager.insert("002", "db-1", "f" * 64)
    async with AgentSide(node.ports[1514], "001", KEY) as web:
        await web.start()

    page = (await vera.get("/dashboard/agents")).text

    assert "web-1" in page
    assert "active" in page
    assert "never connected" in page


async def test_it_asks_the_manager_with_the_rights_of_the_person_who_looks(play, edge, dashboard) -> None:
    node = await play("manager", HTTP_PROXY=edge.address)
    edge.lead_to("manager.internal", node.ports[55000])

    async def ask(role: str, method: str, path: str, **more: object) -> int:
        body = {"id": "tenant", "method": method, "path": path, **more}
        async with dashboard.client(5601, headers={**VERA, "x-proxy-roles": role}) as person:
            return (await person.post("/dashboard/api/request", json=body)).status_code

    group = {"body": {"group_id": "web"}}
    assert await ask("tenant_readonly", "GET", "/agents") == 200
    assert await ask("tenant_readonly", "POST", "/groups", **group) == 403
    assert await ask("tenant_operator", "POST", "/groups", **group) == 200
    assert await ask("tenant_admin", "DELETE", "/groups?groups_list=web") == 200
    assert await ask("all_access", "GET", "/agents") == 403
    assert await ask("tenant_admin", "TRACE", "/agents") == await ask("tenant_admin", "GET", "agents") == 400


async def test_the_base_path_is_rewritten(vera, indexer) -> None:
    assert (await vera.get("/dashboard")).headers["location"] == "/dashboard/"
    assert (await vera.get("/app")).status_code == 404
    assert (await vera.get("/dashboard/api/status")).json()["stand_in"] is True


@pytest.mark.parametrize(("password", "state"), [("Kibana.1-password", "green"), ("another", "red")])
async def test_its_status_says_whether_its_own_user_gets_into_the_indexer(play, indexer, edge, password, state) -> None:
    own = {"INDEXER_USERNAME": "kibanaserver", "INDEXER_PASSWORD": password}
    dashboard = await play("dashboard", HTTP_PROXY=edge.address, **own)
    async with dashboard.client(5601, headers=VERA) as vera:
        answer = await vera.get("/dashboard/api/status")
    assert answer.status_code == (200 if state == "green" else 503)
    assert answer.json()["status"]["overall"]["state"] == state
