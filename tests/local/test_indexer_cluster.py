"""Several indexers: how they find each other, what a majority holds, and what becomes of a node that comes empty."""

import asyncio
import functools
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.asyncio.server import serve

from tests.local.cluster_side import (
    DEADLINE,
    NODES,
    World,
    bulk,
    foreign,
    health,
    held,
    joined,
    leads,
    minted,
    until,
    uuid_of,
)
from tests.local.indexer_side import INDEX, IndexerSide

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    async with AsyncExitStack() as gates:
        for n in NODES:
            carry = functools.partial(made.carry, n)
            server = await gates.enter_async_context(serve(carry, "127.0.0.1", 0, compression=None, max_size=None))
            made.urls[n] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield made
        for n in list(made.nodes):
            await made.stop(n)


async def test_what_any_node_takes_all_have(world: World) -> None:
    sides = await world.all()
    for n, side in enumerate(sides):
        assert (await bulk(side, n)).json()["errors"] is False
    await sides[1].http.delete(f"/{INDEX}/_doc/0")
    for side in sides:
        assert await held(side) == {"1", "2"}
        assert (await health(side))["status"] == "green"
    assert len({await uuid_of(side) for side in sides}) == 1


async def test_a_node_that_comes_empty_is_filled_before_it_counts_and_the_cluster_stays_the_same(world: World) -> None:
    sides = await world.all()
    await bulk(sides[0], *range(30))
    uuid = await uuid_of(sides[0])
    for n in NODES:
        await world.stop(n)
        left = [side for side in sides if side is not sides[n]]
        for side in left:
            await joined(side, 2)
        assert (await bulk(left[0], 40 + n)).json()["errors"] is False
        sides[n] = await world.start(n)
        await joined(sides[n])
        assert len(await held(sides[n])) == 31 + n
        assert await uuid_of(sides[n]) == uuid
        for side in sides:
            await joined(side)


async def test_with_one_away_its_copies_have_no_place_only_where_there_are_not_nodes_enough(world: World) -> None:
    sides = await world.all(INDEX_REPLICAS="2")
    await bulk(sides[0], 1)
    await world.stop(2)
    await joined(sides[0], 2)
    assert (await health(sides[0]))["status"] == "yellow"


async def test_without_a_majority_nothing_is_written_and_health_is_red(world: World) -> None:
    sides = await world.all()
    await bulk(sides[0], 1)
    await world.part(0)

    async def red() -> bool:
        return (await health(sides[0]))["status"] == "red"

    await until(red, "the parted node to know")
    assert (await health(sides[0]))["discovered_cluster_manager"] is False
    assert (await sides[0].http.get("/_cluster/health")).status_code == 503
    refused = await bulk(sides[0], 2)
    assert refused.status_code == 503
    assert refused.json()["error"]["type"] == "cluster_manager_not_discovered_exception"
    await joined(sides[1], 2)
    assert (await bulk(sides[1], 3)).status_code == 200
    world.parted.clear()
    for side in sides:
        await joined(side)
    assert await held(sides[0]) == {"1", "3"}, "what was refused is gone, what was acknowledged is there"


async def test_who_leads_may_go_and_nothing_acknowledged_with_it(world: World) -> None:
    sides = await world.all()
    for round_ in range(2):
        await bulk(sides[1], round_)
        leader = next(n for n in NODES if n in world.nodes and leads(world.nodes[n]))
        await world.stop(leader)
        left = [sides[n] for n in NODES if n != leader]

        async def written(side: IndexerSide = left[0], number: int = 10 + round_) -> bool:
            return (await bulk(side, number)).status_code == 200

        await until(written, "another to lead")
        sides[leader] = await world.start(leader)
        for side in sides:
            await joined(side)
        assert await held(sides[leader]) == await held(left[1])
    assert await held(sides[0]) == {"0", "1", "10", "11"}


async def test_two_new_nodes_form_a_cluster_of_their_own_which_the_old_one_ends_for(world: World) -> None:
    sides = await world.all()
    await bulk(sides[0], 1)
    uuid = await uuid_of(sides[0])
    for n in (1, 2):
        await world.stop(n)

    async def red() -> bool:
        return (await health(sides[0]))["status"] == "red"

    # Before it knows that they are gone, the first of the new ones would be taken in.
    await until(red, "the old one to be without a majority")
    fresh = [await world.start(n) for n in (1, 2)]
    assert await asyncio.wait_for(world.nodes[0]._task, DEADLINE) == 1
    world.nodes.pop(0)
    sides[0] = await world.start(0)
    for side in (sides[0], *fresh):
        await joined(side)
        assert await uuid_of(side) not in (uuid, "_na_")
        assert await held(side) == set()


async def test_one_whose_peers_never_come_back_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.nodes.indexer.cluster.membership.LONELY_SECONDS", 1.0)
    await world.all()
    for n in (0, 2):
        await world.stop(n)
    assert await asyncio.wait_for(world.nodes.pop(1)._task, DEADLINE) == 1


async def test_nodes_that_keep_their_disks_are_the_same_cluster_again(world: World) -> None:
    sides = await world.all()
    await bulk(sides[0], 1, 2)
    uuid = await uuid_of(sides[0])
    for n in NODES:
        await world.stop(n)
    sides = [await world.start(n, keep=True) for n in NODES]
    for side in sides:
        await joined(side)
        assert await held(side) == {"1", "2"}
        assert await uuid_of(side) == uuid


async def test_a_cluster_takes_alerts_only_once_its_first_node_has_looked_for_what_was_saved(world: World) -> None:
    two = [await world.start(n) for n in (1, 2)]

    async def formed() -> bool:
        return await uuid_of(two[0]) != "_na_" and await uuid_of(two[1]) != "_na_"

    await until(formed, "two of three to form a cluster")
    assert (await bulk(two[0], 1)).status_code == 503
    assert 9199 not in two[0].node.ports
    first = await world.start(0)
    await joined(first)
    assert (await bulk(two[0], 1)).status_code == 200


async def test_whoever_shows_a_certificate_of_another_authority_is_no_peer(world: World) -> None:
    two = [await world.start(n) for n in (0, 1)]
    for side in two:
        await joined(side, 2)
    stranger = await world.start(2, NODE_CERTIFICATES=json.dumps(foreign()))
    await bulk(two[0], 1)
    for _ in range(10):
        assert (await health(stranger))["discovered_cluster_manager"] is False
        assert (await health(two[0]))["number_of_nodes"] == 2
        await asyncio.sleep(0.1)
    assert await held(stranger) == set()


async def test_two_authorities_that_are_trusted_side_by_side_are_one_cluster(world: World) -> None:
    both = minted()["root-ca.pem"] + foreign()["root-ca.pem"]
    files = {**minted(), "root-ca.pem": both}
    theirs = {**foreign(), "root-ca.pem": both}
    sides = [await world.start(n, NODE_CERTIFICATES=json.dumps(files)) for n in (0, 1)]
    sides.append(await world.start(2, NODE_CERTIFICATES=json.dumps(theirs)))
    for side in sides:
        await joined(side)


async def test_a_search_may_be_asked_of_any_node_and_people_may_write_at_none(world: World) -> None:
    sides = await world.all()
    await bulk(sides[0], 1)
    person = {"x-proxy-user": "usr_1", "x-proxy-roles": "tenant_admin", "x-forwarded-for": "10.0.0.1"}
    for n in NODES:
        async with world.nodes[n].client(9200) as visitor:
            found = await visitor.get(f"/{INDEX}/_search", headers=person)
            assert found.json()["hits"]["total"]["value"] == 1
            refused = await visitor.delete(f"/{INDEX}", headers=person)
            assert refused.status_code == 403


@pytest.mark.parametrize(
    ("more", "named"),
    [({"MESH_LISTEN": "here"}, "MESH_LISTEN"), ({"NODE_CERTIFICATES": "{}"}, "NODE_CERTIFICATES")],
)
async def test_a_node_of_a_cluster_needs_its_ways_and_its_certificate(
    world: World, more: dict[str, str], named: str
) -> None:
    node = await world.played(0, **more)
    assert await world.stop(0) == 1
    assert any(named in line["message"] for line in node.log())
