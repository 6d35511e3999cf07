"""What the edge says about one tenant at one moment, read from its JSON and checked."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OBSERVED = frozenset(["unknown", "absent", "starting", "running", "degraded", "stopping", "stopped", "failed"])
RUN_STATES = frozenset(["running", "succeeded", "failed", "cancelled"])
STEP_STATES = frozenset(["pending", "running", "succeeded", "failed"])

Json = Mapping[str, Any]


class Malformed(ValueError):
    """The edge sent something that is not a view of a tenant; the text says what is wrong with it."""


@dataclass(frozen=True)
class SeenStep:
    """One step of a run at the edge."""

    name: str
    state: str
    attempts: int
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    error: dict[str, Any] | None


@dataclass(frozen=True)
class Run:
    """One operation as the edge carries it out."""

    operation_id: str
    kind: str
    state: str
    steps: tuple[SeenStep, ...]

    @property
    def error(self) -> dict[str, Any] | None:
        """The error of the step that failed."""
        return next((step.error for step in self.steps if step.state == "failed" and step.error), None)


@dataclass(frozen=True)
class Sighting:
    """
    One tenant as the edge sees it. `seq` rises with every change of the tenant object, so that of two sightings the
    later one is known; `sleeping` says that it rests until a request needs it; `raw` is the JSON that came.
    """

    tenant_id: str
    epoch: int
    generation: int
    requested: str
    observed: str
    observed_generation: int
    reason: dict[str, Any] | None
    seq: int
    run: Run | None
    sleeping: bool = False
    raw: dict[str, Any] = field(repr=False, default_factory=dict)

    @property
    def fence(self) -> tuple[int, int]:
        """The (epoch, generation) that the edge holds."""
        return self.epoch, self.generation

    @classmethod
    def read(cls, data: Json) -> "Sighting":
        """Read a TenantView. Raises Malformed when a part that decisions stand on is missing or of a wrong type."""
        certificate, stream = _object(data, "certificate") or {}, _object(data, "stream") or {}
        for moment in (certificate.get("not_after"), data.get("detection_delayed_since"), stream.get("last_event_at")):
            read_time(moment)
        agents = _object(data, "agents") or {"enrolled": 0, "active": 0}
        _number(agents, "enrolled"), _number(agents, "active")
        for reason in _objects(data, "attention"):
            _text(reason, "code"), _text(reason, "message")
        return cls(
            tenant_id=_text(data, "id"),
            epoch=_number(data, "epoch"),
            generation=_number(data, "generation"),
            requested=_text(data, "requested"),
            observed=_one_of(data, "observed", OBSERVED),
            observed_generation=_number(data, "observed_generation"),
            reason=_object(data, "reason"),
            seq=_number(data, "seq"),
            run=_run(_object(data, "run")),
            sleeping=_object(data, "sleeping") is not None,
            raw=dict(data),
        )


def read_time(value: object) -> dt.datetime | None:
    """A moment from ISO-8601 text; None stays None. Raises Malformed."""
    if value is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(str(value))
    except ValueError as error:
        raise Malformed(f"{value!r} is no time") from error
    if moment.tzinfo is None:
        raise Malformed(f"{value!r} has no time zone")
    return moment


def _run(data: Json | None) -> Run | None:
    if data is None:
        return None
    steps = data.get("steps")
    if not isinstance(steps, list):
        raise Malformed("run.steps is no list")
    return Run(
        operation_id=_text(data, "operation_id"),
        kind=_text(data, "kind"),
        state=_one_of(data, "state", RUN_STATES),
        steps=tuple(read_step(step) for step in steps),
    )


def read_step(data: object) -> SeenStep:
    """One step as the edge tells it. Raises Malformed."""
    if not isinstance(data, Mapping):
        raise Malformed("a step is no object")
    return SeenStep(
        name=_text(data, "name"),
        state=_one_of(data, "state", STEP_STATES),
        attempts=_number(data, "attempts"),
        started_at=read_time(data.get("started_at")),
        finished_at=read_time(data.get("finished_at")),
        error=_object(data, "error"),
    )


def _text(data: Json, name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{name} is no text")
    return value


def _number(data: Json, name: str) -> int:
    value = data.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Malformed(f"{name} is no whole number")
    return value


def _one_of(data: Json, name: str, allowed: frozenset[str]) -> str:
    value = _text(data, name)
    if value not in allowed:
        raise Malformed(f"{name} is {value!r}, which is not known here")
    return value


def _objects(data: Json, name: str) -> list[Json]:
    value = data.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise Malformed(f"{name} is no list of objects")
    return value


def _object(data: Json, name: str) -> dict[str, Any] | None:
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise Malformed(f"{name} is no object")
    return dict(value)
