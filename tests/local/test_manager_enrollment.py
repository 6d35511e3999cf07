"""Enrollment on 1515: one line over TLS, one answer."""

import asyncio
import hashlib
import re
import ssl

import pytest

from tests.local.manager_side import ManagerSide
from tests.local.played import bundle

pytestmark = pytest.mark.anyio

PASSWORD = "OSSEC PASS: enroll-password "


@pytest.fixture
async def manager(play, edge) -> ManagerSide:
    return await ManagerSide(await play("manager", HTTP_PROXY=edge.address)).sign_in()


async def say(manager: ManagerSide, line: str, context: ssl.SSLContext | None = None) -> str:
    """What the manager answers to one line."""
    if context is None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", manager.node.ports[1515], ssl=context)
    writer.write(line.encode() + b"\n")
    answer = await reader.read()
    writer.close()
    return answer.decode()


async def test_an_agent_gets_its_id_and_key_in_one_line_without_an_end(manager) -> None:
    answer = await say(manager, PASSWORD + "OSSEC A:'web-1' V:'v4.14.7'")

    assert re.fullmatch(r"OSSEC K:'001 web-1 any [0-9a-f]{64}'", answer)
    assert (await manager.agent())["status"] == "never_connected"


async def test_the_api_says_which_password_is_asked_for_and_only_to_who_signed_in(manager) -> None:
    active = await manager.call("GET", "/manager/configuration/auth/auth")

    (item,) = active["data"]["affected_items"]
    assert (item["auth"]["use_password"], item["authd.pass"]) == ("yes", "enroll-password")
    del manager.http.headers["authorization"]
    assert (await manager.http.get("/manager/configuration/auth/auth")).status_code == 401


async def test_an_older_agent_that_names_no_version_is_enrolled_too(manager) -> None:
    assert (await say(manager, PASSWORD + "OSSEC A:'web-1'")).startswith("OSSEC K:'001 web-1 any ")


async def test_an_agent_joins_the_groups_it_names_where_they_exist(manager) -> None:
    await manager.call("POST", "/groups", {"group_id": "linux"})

    assert (await say(manager, PASSWORD + "OSSEC A:'web-1' G:'linux'")).startswith("OSSEC K:")
    assert (await manager.agent())["group"] == ["linux"]
    refusal = await say(manager, PASSWORD + "OSSEC A:'web-2' G:'linux,ghosts'")
    assert refusal == "ERROR: Invalid group: linux,ghosts. Unable to add agent"


async def test_the_source_address_is_not_used(manager) -> None:
    assert (await say(manager, PASSWORD + "OSSEC A:'web-1' IP:'src'")).startswith("OSSEC K:'001 web-1 any ")


@pytest.mark.parametrize("address", ["10.0.0.5", "10.0.0.0/8", "2001:db8::5"])
async def test_an_agent_may_be_tied_to_an_address_or_a_network(manager, address) -> None:
    answer = await say(manager, PASSWORD + f"OSSEC A:'web-1' IP:'{address}'")

    assert answer.startswith(f"OSSEC K:'001 web-1 {address} ")


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("OSSEC A:'web-1'", "ERROR: Invalid password"),
        ("OSSEC PASS: guessed OSSEC A:'web-1'", "ERROR: Invalid password"),
        (PASSWORD + "OSSEC A:'x'", "ERROR: Invalid agent name: x. Unable to add agent"),
        (PASSWORD + "OSSEC A:'web 1'", "ERROR: Invalid agent name: web 1. Unable to add agent"),
        (PASSWORD + "OSSEC A:'web-1' IP:'a b'", "ERROR: Invalid IP: a b. Unable to add agent"),
        (PASSWORD + "OSSEC A:'web-1' IP:'10.0.0.300'", "ERROR: Invalid IP: 10.0.0.300. Unable to add agent"),
        (PASSWORD + "OSSEC A:'web-1' IP:'fe80::1%a b'", "ERROR: Invalid IP: fe80::1%a b. Unable to add agent"),
        (PASSWORD + "hello", "ERROR: Invalid request for new agent"),
        ("", "ERROR: Invalid request for new agent"),
    ],
)
async def test_a_request_that_cannot_be_met_is_refused_with_authds_words(manager, line, answer) -> None:
    assert await say(manager, line) == answer
    assert (await manager.call("GET", "/agents/summary/status"))["data"]["connection"]["total"] == 0


async def test_a_name_is_enrolled_once_also_by_the_holder_of_its_key(manager) -> None:
    answer = await say(manager, PASSWORD + "OSSEC A:'web-1'")
    key = answer[:-1].rpartition(" ")[2]
    digest = hashlib.sha1(f"001web-1{key}".encode()).hexdigest()

    for again in (PASSWORD + "OSSEC A:'web-1'", PASSWORD + f"OSSEC A:'web-1' K:'{digest}'"):
        assert await say(manager, again) == "ERROR: Duplicate agent name: web-1. Unable to add agent"


async def test_a_proof_of_key_in_strange_letters_is_only_a_wrong_one(manager) -> None:
    await say(manager, PASSWORD + "OSSEC A:'web-1'")

    again = await say(manager, PASSWORD + "OSSEC A:'web-1' K:'\u00e9'")
    assert again == "ERROR: Duplicate agent name: web-1. Unable to add agent"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
async def test_enrollment_speaks_nothing_older_than_tls_1_2(manager) -> None:
    old = ssl.create_default_context()
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises((ssl.SSLError, ConnectionError)):
        await say(manager, "OSSEC A:'web-1'", old)


async def test_enrollment_shows_the_certificate_that_was_minted_for_the_node(manager) -> None:
    verified = ssl.create_default_context(cadata=bundle()["root-ca.pem"])

    assert (await say(manager, PASSWORD + "OSSEC A:'web-1'", verified)).startswith("OSSEC K:")


async def test_a_manager_without_a_minted_certificate_makes_its_own(play, edge) -> None:
    node = await play("manager", HTTP_PROXY=edge.address, NODE_CERTIFICATES="{}")

    assert (await say(await ManagerSide(node).sign_in(), PASSWORD + "OSSEC A:'web-1'")).startswith("OSSEC K:")
