"""The steps of the main job, each as a person or a machine would take it: through pages, API, agent and dashboard."""

import contextlib
import re
import secrets
from collections.abc import Callable
from typing import Self

import httpx

from local.demo.changes import FROM, Changes
from local.demo.machine import Machine
from local.demo.stranger import Stranger
from local.portal_api import Json, PortalApi
from local.stack import nodes
from local.stack.handle import StackHandle, wait_for
from local.stream import replay
from local.visitor import Visitor
from local.welcome import sign_up_with_oidc, sign_up_with_saml

TENANT = re.compile(r"/t/([a-z2-7]{26})/")
SECRET = re.compile(r"enr_[a-z2-7]{26}_[a-z2-7]{10}_[0-9A-Za-z]+")


def check(truth: object, otherwise: str) -> None:
    """Fails the step with what was seen instead."""
    if not truth:
        raise AssertionError(otherwise)


class Demo:
    """Two organizations on one stack: the one the story is about, and a stranger who must see nothing of it."""

    def __init__(self, stack: StackHandle) -> None:
        self.stack, self.layout = stack, stack.layout
        self.word, self.silent_word = (f"demo{secrets.token_hex(6)}" for _ in range(2))
        self.exit = contextlib.ExitStack()
        self.alice = self.exit.enter_context(Visitor(self.layout.portal))
        self.stranger = self.exit.enter_context(Visitor(self.layout.portal))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.exit.close()

    def steps(self) -> dict[str, Callable[[], str]]:
        """Step name -> what does it and tells what was seen."""
        return {
            "signup_saml": self.signup_saml,
            "signup_oidc": self.signup_oidc,
            "tenant_running": self.tenant_running,
            "token_created": self.token_created,
            "agent_enrolled": self.agent_enrolled,
            "event_through_tunnel": self.event_through_tunnel,
            "alert_in_indexer": self.alert_in_indexer,
            "event_in_stream": self.event_in_stream,
            "dashboard_opened": self.dashboard_opened,
            "isolation_held": self.isolation_held,
            "indexer_killed_nothing_lost": self.indexer_killed_nothing_lost,
            "certs_rotated": self.certs_rotated,
            **Changes(self).steps(),
            "restored_from_backup": self.restored_from_backup,
            "cloned": self.cloned,
            "slept_and_woke": self.slept_and_woke,
            "tenant_deleted": self.tenant_deleted,
        }

    def signup_saml(self) -> str:
        self.organization, _ = sign_up_with_saml(self.alice, self.layout, "alice@alder.example", "Alder Dental Group")
        self.api = self._api(self.organization, "alice@alder.example")
        return f"alice owns {self.organization} after a signed assertion"

    def signup_oidc(self) -> str:
        name = "Kestrel Aerospace"
        self.stranger_organization = sign_up_with_oidc(self.stranger, "jonas@kestrel.example", name)
        self.stranger_api = self._api(self.stranger_organization, "jonas@kestrel.example")
        return f"jonas owns {self.stranger_organization} after an OpenID Connect sign-in"

    def tenant_running(self) -> str:
        self.tenant, self.tenant_name = self._ask_for_tenant(self.alice, self.organization), "Production"
        self.stranger_tenant = self._ask_for_tenant(self.stranger, self.stranger_organization)
        done = self._newest_operation(self.api, self.tenant)
        self._newest_operation(self.stranger_api, self.stranger_tenant)
        tenant = self.api.get(f"/tenants/{self.tenant}")
        check(tenant["status"] == "running", f"status is {tenant['status']}")
        check(tenant["runtime"] == self.layout.runtime, f"runtime is {tenant['runtime']}")
        self.alice.get(f"/t/{self.tenant}/").expect("Running")
        return f"{self.tenant}: " + ", ".join(step["name"] for step in done["steps"])

    def token_created(self) -> str:
        self.alice.get(f"/t/{self.tenant}/tokens/new/").submit("/tokens/new/", name="Demo machines", max_uses="2")
        found = SECRET.search(self.alice.response.text)
        check(found, f"no secret on {self.alice.url}: {self.alice.text[:300]}")
        self.token = found.group() if found else ""
        self.alice.get(self.alice.url)
        check(self.token not in self.alice.response.text, "the secret is shown a second time")
        wait_for(lambda: not self._pending_tokens(), "the token at the edge", 30)
        return f"{self.token.rpartition('_')[0]}_… shown once"

    def agent_enrolled(self) -> str:
        self.machine = self.exit.enter_context(Machine(self.layout, self.token, "demo-web-01"))
        number = self.machine.connected()
        agents = wait_for(lambda: self.active_agents(), "the agent in the portal", 30)
        return f"agent {number} ({agents[0]['name']}) is active"

    def event_through_tunnel(self) -> str:
        self.machine.log(f"Accepted publickey for {self.silent_word} from 192.0.2.10 port 4022 ssh2")
        self.machine.log(f"Invalid user {self.word} from 203.0.113.9 port 4022")
        return "one line that a rule matches and one that none does"

    def alert_in_indexer(self) -> str:
        indexer = nodes.Indexer(self.stack, self.tenant)
        (hit,) = wait_for(lambda: indexer.alerts_with(self.word), "the alert in the indexer", 30)
        source = hit["_source"]
        check(self.word in source["full_log"], "full_log does not hold the word")
        check(not indexer.alerts_with(self.silent_word), "a line that no rule matches made an alert")
        return f"rule {source['rule']['id']}, level {source['rule']['level']}: {source['rule']['description']}"

    def event_in_stream(self) -> str:
        events = wait_for(lambda: self._alert_events(self.api, self.tenant), "the alert in the event stream", 30)
        check(self.word not in str(events), "a digest must not carry the log line")
        return f"event {events[0]['seq']}, rule {events[0]['data']['rule']['id']}"

    def dashboard_opened(self) -> str:
        self._open_dashboard(self.alice, self.tenant).expect(self.word)
        check(self.tenant in self.alice.url, f"the dashboard is at {self.alice.url}")
        address = self.alice.url
        indexer = nodes.Indexer(self.stack, self.tenant)
        for hit in indexer.alerts_with(self.word):
            indexer.delete(hit)
        check(self.word not in self.alice.get(address).text, "the page still shows a document that was deleted")
        return f"{address}; empty once the document is gone"

    def isolation_held(self) -> str:
        check(not nodes.Indexer(self.stack, self.stranger_tenant).alerts_with(self.word), "the other indexer has it")
        check(not self._alert_events(self.stranger_api, self.stranger_tenant), "the other stream has an alert")
        check(self.stranger.get(f"/t/{self.tenant}/").response.status_code == 404, "the stranger sees the tenant")
        own = self._open_dashboard(self.stranger, self.stranger_tenant)
        check(own.response.status_code == 200 and self.word not in own.text, "the stranger's dashboard shows it")
        stranger = Stranger(self.layout, self.stranger, self.stranger_api, self.stranger_tenant)
        opened = stranger.doors_that_open(self.tenant)
        check(not opened, f"to a stranger: {', '.join(opened)}")
        check(not stranger.agent_came_in(self.tenant), "a stranger's token enrolled an agent")
        return "pages, API, enrollment, stream, tunnel and dashboard refuse the other organization"

    def indexer_killed_nothing_lost(self) -> str:
        for number in range(5):
            self.machine.log(f"Invalid user kept{number} from 203.0.113.9 port 4022")
        before = wait_for(lambda: self._ids_if_at_least(5), "the alerts before the loss", 30)
        nodes.destroy(self.stack, nodes.running(self.stack, self.tenant, "indexer")[0])
        wait_for(lambda: not before - self._ids_if_at_least(5), "every alert in the new indexer", 90)
        self.machine.log(f"Invalid user afterwards{self.word} from 203.0.113.9 port 4022")
        wait_for(lambda: self.alerts(f"afterwards{self.word}"), "a new alert after the loss", 60)
        return f"{len(before)} alerts came back from the journal, new ones arrive"

    def certs_rotated(self) -> str:
        old = self.api.get(f"/tenants/{self.tenant}")["certificate"]
        self.alice.get(f"/t/{self.tenant}/").submit("/rotate-certificates/")
        self._newest_operation(self.api, self.tenant, kind="rotate_certificates")
        new = self.api.get(f"/tenants/{self.tenant}")["certificate"]
        check(new["generation"] > old["generation"], f"generation is {new['generation']}")
        check(new["ca_fingerprint"] != old["ca_fingerprint"], "the authority is the same")
        self.machine.log(f"Invalid user rotated{self.word} from 203.0.113.9 port 4022")
        wait_for(lambda: self.alerts(f"rotated{self.word}"), "a new alert after the rotation", 60)
        numbers = f"generation {old['generation']} → {new['generation']}"
        return f"{numbers}, authority {old['ca_fingerprint'][:8]} → {new['ca_fingerprint'][:8]}, new alerts arrive"

    def restored_from_backup(self) -> str:
        made = self.api.post(f"/tenants/{self.tenant}/backups")["id"]
        address = f"/tenants/{self.tenant}/backups/{made}"
        kept = self.api.wait_until(address, lambda row: row["state"] != "running", 120)
        check(kept["state"] == "succeeded", f"the backup was not made: {kept['error']}")
        self.backup = {"backup": made}
        self.before = nodes.Indexer(self.stack, self.tenant).all_ids()
        for number in range(5):
            for hit in self.alerts(f"kept{number}"):
                nodes.Indexer(self.stack, self.tenant).delete(hit)
        damaged = nodes.Indexer(self.stack, self.tenant).all_ids()
        check(len(damaged) < len(self.before), "nothing was damaged")
        name = {"confirm_name": self.tenant_name}
        self.api.succeeded(self.api.post(f"/tenants/{self.tenant}/restore", self.backup | name)["operation"]["id"])
        after = nodes.Indexer(self.stack, self.tenant).all_ids()
        check(self.before <= after, f"{len(self.before - after)} alerts did not come back")
        wait_for(self.active_agents, "the agent at the restored manager", 60)
        return f"{len(self.before) - len(damaged)} deleted alerts are back, the agent too"

    def cloned(self) -> str:
        asked = self.api.post(f"/tenants/{self.tenant}/clone", self.backup | {"name": "Copy"})
        clone = asked["tenant"]["id"]
        self.api.succeeded(asked["operation"]["id"])
        source, copy = nodes.Indexer(self.stack, self.tenant), nodes.Indexer(self.stack, clone)
        check(self.before <= copy.all_ids(), "the clone lacks alerts of the backup")
        own, other = (node.environment["INDEXER_PASSWORD"] for node in (copy.node, source.node))
        check(own != other, "the clone has the source's password")
        name = {"confirm_name": "Copy"}
        self.api.succeeded(self.api.delete(f"/tenants/{clone}", name)["operation"]["id"])
        self.api.succeeded(self.api.post(f"/tenants/{clone}/erase", name)["operation"]["id"])
        wait_for(lambda: not nodes.running(self.stack, clone), "the end of the clone's nodes", 30)
        return f"{clone} had the alerts under secrets of its own, and is gone again"

    def slept_and_woke(self) -> str:
        self.machine.stop()
        wait_for(self._sleep, "the tenant to let itself be sent to sleep", 60)
        status = self.api.get(f"/tenants/{self.tenant}")["status"]
        check(status == "sleeping", f"status is {status}")
        check(not nodes.running(self.stack, self.tenant), "nodes of a tenant that sleeps run")
        self.alice.get(f"/t/{self.tenant}/").expect("wakes on request")
        waiting = self._open_dashboard(self.alice, self.tenant).expect("waking up")
        check(waiting.response.status_code == 503, f"the page that waits has status {waiting.response.status_code}")
        address, woken = waiting.url, f"rotated{self.word}"
        wait_for(lambda: woken in self.alice.get(address).text, "the dashboard with the alert from before", 90)
        self._newest_operation(self.api, self.tenant, kind="wake")
        return "no node ran; opening the dashboard woke it, and the alert from before is there"

    def _sleep(self) -> bool:
        """Whether it sleeps; not while the edge has not noticed yet that the agent hung up."""
        asked = self.api.post(f"/tenants/{self.tenant}/sleep")["operation"]["id"]
        error = self.api.finished(asked)["error"]
        check(error is None or error["code"] == "AGENTS_CONNECTED", str(error))
        return error is None

    def tenant_deleted(self) -> str:
        self.alice.get(f"/t/{self.tenant}/settings/").submit("/delete/", confirm_name=self.tenant_name)
        self._newest_operation(self.api, self.tenant, kind="delete")
        wait_for(lambda: not nodes.running(self.stack, self.tenant), "the end of its nodes", 30)
        status = self.api.get(f"/tenants/{self.tenant}")["status"]
        check(status == "binned", f"status is {status}")
        self.alice.get(f"/t/{self.tenant}/settings/").submit("/erase/", confirm_name=self.tenant_name)
        self._newest_operation(self.api, self.tenant, kind="erase")
        check(nodes.running(self.stack, self.stranger_tenant), "the other tenant's nodes ended too")
        return "into the recycle bin and erased from it; no node of it runs, the other tenant still does"

    def _api(self, organization: str, owner: str) -> PortalApi:
        key = self.stack.manage("create_api_key", "--organization", organization, "--owner", owner)
        return PortalApi(self.layout.portal, key)

    def _ask_for_tenant(self, visitor: Visitor, organization: str) -> str:
        visitor.get(f"/o/{organization}/tenants/new/").submit("/tenants/new/", name="Production", version=FROM)
        found = TENANT.search(visitor.url)
        check(found, f"asking for a tenant led to {visitor.url}: {visitor.text[:400]}")
        return found.group(1) if found else ""

    def _newest_operation(self, api: PortalApi, tenant: str, kind: str = "create") -> Json:
        (operation, *_) = [row for row in api.all("/operations", tenant=tenant) if row["kind"] == kind]
        return api.succeeded(operation["id"])

    def active_agents(self) -> list[dict[str, str]]:
        agents = self.api.get(f"/tenants/{self.tenant}/agents")["results"]
        return [agent for agent in agents if agent["status"] == "active"]

    def _alert_events(self, api: PortalApi, tenant: str) -> list[Json]:
        return [event for event in replay(api, tenant) if event["kind"] == "alert"]

    @staticmethod
    def _open_dashboard(visitor: Visitor, tenant: str) -> Visitor:
        return visitor.get(f"/t/{tenant}/").submit("/dashboard/").submit("/session")

    def _pending_tokens(self) -> list[Json]:
        return [token for token in self.api.all(f"/tenants/{self.tenant}/tokens") if token["pending"]]

    def alerts(self, word: str) -> list[Json]:
        with contextlib.suppress(ValueError, OSError, httpx.HTTPError, RuntimeError):
            return nodes.Indexer(self.stack, self.tenant).alerts_with(word)
        return []

    def _ids_if_at_least(self, count: int) -> set[str]:
        """Ids of the alerts about kept… names; empty while there are fewer, or while the indexer is away."""
        ids = {str(hit["_id"]) for number in range(count) for hit in self.alerts(f"kept{number}")}
        return ids if len(ids) >= count else set()
