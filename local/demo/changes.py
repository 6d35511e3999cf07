"""Steps that change a tenant while it is used: its sizes, its version, and a version that does not hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from local.stack import nodes
from local.stack.handle import wait_for

if TYPE_CHECKING:
    from local.demo.steps import Demo

FROM, TO, FAULTY = "4.14.6", "4.14.7", "4.14.8-blind"
AGENT_BACK_SECONDS = 60


class Changes:
    """What a demo's tenant goes through; each step looks for an earlier alert and for the agent afterwards."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo

    def steps(self) -> dict[str, Callable[[], str]]:
        return {"scaled": self.scaled, "upgraded": self.upgraded, "rolled_back": self.rolled_back}

    def scaled(self) -> str:
        operation = self._change("/resize/", "resize", page="resize", plan="large")
        self.demo.api.succeeded(operation)
        sizes = {node["role"]: node["instance"] for node in self._tenant()["nodes"]}
        wanted = {"manager": "standard-2", "indexer": "standard-4", "dashboard": "standard-1"}
        self._must(wanted.items() <= sizes.items(), f"the sizes are {sizes}")
        return f"manager and indexer are larger, {self._nothing_lost('scaled')}"

    def upgraded(self) -> str:
        operation = self._change("/upgrade/", "upgrade", version=TO)
        done = self.demo.api.succeeded(operation)
        self._must(done["steps"][1]["name"] == "backup", f"the steps are {done['steps']}")
        return f"{FROM} → {self._version()}, after a backup, {self._nothing_lost('upgraded')}"

    def rolled_back(self) -> str:
        operation = self._change("/upgrade/", "upgrade", version=FAULTY)
        done = self.demo.api.finished(operation, 180)
        states = {step["name"]: step["state"] for step in done["steps"]}
        code = (done["error"] or {}).get("code")
        self._must((done["state"], code) == ("failed", "UPGRADE_ROLLED_BACK"), f"it ended {done['state']}: {code}")
        self._must(states["rollback"] == "succeeded" and states["dashboard"] == "failed", f"the steps are {states}")
        wait_for(lambda: self._tenant()["status"] == "running", "the tenant at rest", 60)
        self._must(self._tenant()["version"] == TO, "the portal still wants the faulty version")
        return f"{FAULTY} did not serve; {self._version()} does again, {self._nothing_lost('back')}"

    def _change(self, form: str, kind: str, page: str = "settings", **fields: str) -> str:
        """Asks on a page of the tenant; the id of the operation."""
        demo = self.demo
        demo.alice.get(f"/t/{demo.tenant}/{page}/").submit(form, **fields)
        (newest, *_) = [row for row in demo.api.all("/operations", tenant=demo.tenant) if row["kind"] == kind]
        return str(newest["id"])

    def _nothing_lost(self, word: str) -> str:
        """Every alert from before is found, the agent is back within a minute, and a new alert comes in."""
        demo = self.demo
        wait_for(demo.active_agents, "the agent at its manager", AGENT_BACK_SECONDS)
        demo.machine.log(f"Invalid user {word}{demo.word} from 203.0.113.9 port 4022")
        wait_for(lambda: demo.alerts(f"{word}{demo.word}"), "a new alert afterwards", AGENT_BACK_SECONDS)
        self._must(demo.alerts(f"afterwards{demo.word}"), "an earlier alert is gone")
        return "an earlier alert is found, the agent is back"

    def _tenant(self) -> dict[str, Any]:
        return self.demo.api.get(f"/tenants/{self.demo.tenant}")

    def _version(self) -> str:
        """What the nodes' own images say."""
        found = nodes.running(self.demo.stack, self.demo.tenant)
        images = {node["image"].rpartition(":")[2] for node in self._tenant()["nodes"] if node["role"] != "certs"}
        self._must(len(found) == 3 and len(images) == 1, f"{len(found)} nodes run, of {images}")
        return images.pop()

    @staticmethod
    def _must(truth: object, otherwise: str) -> None:
        if not truth:
            raise AssertionError(otherwise)
