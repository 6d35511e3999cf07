"""Whether a template can ask for a value. Each answers it as rows keep it, or raises Invalid naming the field."""

import datetime as dt
from typing import Any

from billing.queries import plans_on_offer
from controlplane.problems import FieldError, Invalid
from organizations.actions.grants import checked_ceiling
from tenants.content.checking import NAMES, name_fault
from tenants.enrollment import limits
from tenants.provisioning import backup_schedules, specs
from tenants.provisioning.models import Tenant
from tenants.provisioning.windows import Window
from tenants.rollouts.kinds import offered_versions

MOST_LEFT_OUT = 50


def plan(value: Any) -> str:
    """The code of a plan on offer."""
    if not isinstance(value, str) or not plans_on_offer().filter(pk=value).exists():
        raise Invalid("There is no such plan on offer.", field="plan")
    return value


def version(value: Any) -> str:
    """A version that some cell offers."""
    if value not in offered_versions():
        raise Invalid("This version is not on offer.", field="version")
    return str(value)


def ring(value: Any) -> str:
    """One of the rings."""
    if value not in Tenant.Ring.values:
        raise Invalid(f"Expected one of {', '.join(Tenant.Ring.values)}.", field="ring")
    return str(value)


def window(value: Any) -> dict[str, Any]:
    """A maintenance window, see `Window`."""
    return Window.read(_mapping(value, "maintenance_window")).as_json()


def sleep(value: Any) -> int:
    """Minutes without use; 0 is never."""
    if type(value) is not int or (value != 0 and not specs.LEAST_SLEEP <= value <= specs.MOST_SLEEP):
        message = f"Expected 0 for never, or {specs.LEAST_SLEEP} to {specs.MOST_SLEEP} minutes."
        raise Invalid(message, field="sleep_after_minutes")
    return value


def backups(value: Any) -> dict[str, Any]:
    """A schedule of backups. For how long a client's plan keeps them is judged at each client."""
    schedule = backup_schedules.in_spec(_mapping(value, "backups"))
    faults = list(backup_schedules.faults(schedule, most_days=specs.MOST_RETENTION_DAYS))
    if faults:
        raise Invalid(faults[0].message, errors=faults)
    return schedule


def protected(value: Any) -> bool:
    """
    Protection on.

    The attack: lifting protection asks a person to prove that it is them, and a roll-out has nobody to ask.
    """
    if value is not True:
        message = "A template can protect tenants, and never lift that. Leave it out to leave it to each client."
        raise Invalid(message, field="protected")
    return True


def days(value: Any) -> int:
    """How many days something is kept."""
    if type(value) is not int or not 1 <= value <= specs.MOST_RETENTION_DAYS:
        raise Invalid(f"Expected 1 to {specs.MOST_RETENTION_DAYS} days.")
    return value


def ceiling(value: Any) -> str:
    """A role that the access of the MSP's people is cut down to."""
    if not isinstance(value, str):
        raise Invalid("Expected a role.", field="role_ceiling")
    return str(checked_ceiling(value))


def left_out(value: Any) -> list[str]:
    """Names of files as kind/name, such as lists/known-networks."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value) or len(value) > MOST_LEFT_OUT:
        raise Invalid(f"Expected at most {MOST_LEFT_OUT} files, each as kind/name.", field="content_left_out")
    for each in value:
        kind, _, name = each.partition("/")
        if kind not in NAMES or name_fault(kind, name):
            message = f"{each[:80]} is no file's kind and name, such as lists/known-networks."
            raise Invalid(message, field="content_left_out")
    return sorted(set(value))


def token(value: Any) -> dict[str, Any]:
    """How a new client's first enrollment token is made; what is left out is as of any token."""
    given = _mapping(value, "enrollment_token")
    usual = {"expires_in_days": limits.DEFAULT_LIFE.days, "max_uses": limits.DEFAULT_USES, "groups": [], "labels": {}}
    if unknown := sorted(set(given) - set(usual)):
        raise Invalid("There is no such setting.", field=f"enrollment_token.{unknown[0][:32]}")
    asked = {**usual, **given}
    for name, like in usual.items():
        if type(asked[name]) is not type(like):
            raise Invalid("This is of another form than a token takes.", field=name)
    if not all(isinstance(each, str) for each in (*asked["groups"], *asked["labels"].values())):
        raise Invalid("Groups and labels are texts.", field="groups")
    if not 1 <= asked["expires_in_days"] <= limits.LONGEST_LIFE.days:
        raise Invalid("A token lives for 1 to 365 days.", field="expires_in_days")
    limits.check_token(
        name="First token",
        expires_in=dt.timedelta(days=asked["expires_in_days"]),
        **{name: asked[name] for name in ("max_uses", "groups", "labels")},
    )
    return asked


def _mapping(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid("", errors=[FieldError(field, "Expected an object.")])
    return value
