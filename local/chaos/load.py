"""What goes on while things die: tenants are made and changed, by API, under idempotency keys."""

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from local.chaos.plans import ALONE, CLUSTERED, Subscription
from local.portal_api import OVER, ApiRefused, Json, PortalApi
from local.stack.handle import NotInTime

REPEATS = 3
VERSIONS = ("4.14.6", "4.14.7")
Changes = Mapping[str, tuple[str, ...]]
# What is asked of a tenant, by its status.
EVERYTHING: Changes = {
    "running": ("stop", "rotate-certificates", "rotate-credentials", "upgrade", "resize", "sleep"),
    "stopped": ("start",),
    "sleeping": ("wake",),
}
# What a short run has time for.
SHORT: Changes = {**EVERYTHING, "running": ("stop", "rotate-certificates")}


@dataclass
class Load:
    """Asks for work and remembers every acknowledged operation.

    Args:
        api: of the organization.
        subscription: its plan, which decides over the nodes of a tenant.
        wanted: how many tenants.
        clusters: how many of them, the first ones, have several managers and indexers.
        seed: repeats the same choices.
        changes: what may be asked of a tenant.
    """

    api: PortalApi
    subscription: Subscription
    wanted: int
    clusters: int
    seed: int
    changes: Changes = field(default_factory=lambda: EVERYTHING)
    tenants: list[str] = field(default_factory=list)
    acknowledged: dict[str, str] = field(default_factory=dict)  # operation id -> idempotency key
    second_answers: list[Json] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311  (repeatable choices, no secret)

    def create_all(self) -> None:
        self.subscription.offer()
        for number in range(self.wanted):
            self.subscription.put_on(self._plans_of(number)[0])
            wish = {"organization": self.subscription.organization, "name": f"Chaos {number:02d}"}
            answer = self._ask("/tenants", wish)
            self.tenants.append(answer["tenant"]["id"])

    def _plans_of(self, number: int) -> tuple[str, ...]:
        return CLUSTERED if number < self.clusters else ALONE

    def change_one(self) -> None:
        """Asks one thing of a tenant that rests; none may rest just now."""
        tenant = self.api.get(f"/tenants/{self.random.choice(self.tenants)}")
        if verbs := self.changes.get(tenant["status"]):
            verb = self.random.choice(verbs)
            if verb == "resize":
                self.subscription.put_on(self.random.choice(self._plans_of(self.tenants.index(tenant["id"]))))
            body = {"version": next(v for v in VERSIONS if v != tenant["version"])} if verb == "upgrade" else None
            self._ask_if_possible(f"/tenants/{tenant['id']}/{verb}", body)

    def settle(self) -> None:
        """Every tenant is asked to run in the end, and a failed operation is tried again, as a person would.

        A tenant that ran before and shows failed has no such operation, or one that was taken back: the edge tries its
        node again by itself.
        """
        for row in self.api.all("/tenants"):
            if row["status"] == "failed":
                newest = self.api.get("/operations", tenant=row["id"], limit=1)["results"][0]
                if newest["state"] == "failed":
                    self._ask_if_possible(f"/operations/{newest['id']}/retry")
            elif row["status"] in ("stopped", "sleeping"):
                self._ask_if_possible(f"/tenants/{row['id']}/{EVERYTHING[row['status']][0]}")

    def open_operations(self) -> list[Json]:
        return [row for row in self.api.all("/operations") if row["state"] not in OVER]

    def _ask_if_possible(self, path: str, body: Json | None = None) -> None:
        """Another operation may just have begun, or nothing be left to go on with."""
        try:
            self._ask(path, body)
        except ApiRefused as refusal:
            if refusal.status != 409:
                raise

    def _ask(self, path: str, body: Json | None = None) -> Json:
        """Asks as a careful client: the same key again after a lost answer, and now and then for no reason."""
        key = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        answer = self._until_answered(path, body, key)
        if self.random.random() < 0.3:
            again = self._until_answered(path, body, key)
            if _operation_of(again) != _operation_of(answer):
                self.second_answers.append(again)
        self.acknowledged[_operation_of(answer)] = key
        return answer

    def _until_answered(self, path: str, body: Json | None, key: str) -> Json:
        for _ in range(REPEATS):
            try:
                return self.api.post(path, body, key=key)
            except httpx.TransportError:
                continue
        raise NotInTime(f"{path}: no answer in {REPEATS} tries")


def _operation_of(answer: Json) -> str:
    operation: Json = answer.get("operation", answer)
    return str(operation["id"])
