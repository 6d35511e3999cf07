"""`lifecycle.status_of` as an expression of the database, for lists; a test holds the two together."""

import datetime as dt
from typing import Any

from django.db.models import Case, CharField, F, IntegerField, Q, Value, When

from tenants.provisioning.lifecycle import CERTIFICATE_NOTICE, DELETED, ROLLING, RUNNING, STOPPED

GRAVITY = ("failed", "attention", "binned", "provisioning", "stopping", "stopped", "sleeping", "running")
"""States of tenants, the worst first: the order in which lists are summed up."""


def status(now: dt.datetime, at: str = "") -> Case:
    """
    What people see of a tenant.

    Args: now: the moment of the look. at: where the tenant is, seen from the rows that are asked for ("tenant__").
    """
    rules = [(name, _placed(condition, at)) for name, condition in _rules(now)]
    return Case(
        *(When(condition, then=Value(name)) for name, condition in rules),
        default=Value("running"),
        output_field=CharField(),
    )


def gravity(of: str, *more: str) -> Case:
    """How grave a state is, the worst being 0. Args: of: the column that holds it. more: states after all others."""
    ranks = [When(**{of: name}, then=Value(rank)) for rank, name in enumerate((*GRAVITY, *more))]
    return Case(*ranks, default=Value(len(GRAVITY) + len(more)), output_field=IntegerField())


def _rules(now: dt.datetime) -> list[tuple[str, Q]]:
    """Each state with its condition; the first that holds is the one, and "running" is what is left."""
    unheard = Q(sent_hash="") | Q(told_generation=None) | ~Q(told_generation=F("generation"))
    heard = ~Q(sent_hash="") & Q(told_generation=F("generation"))
    rolls = heard & Q(told_run__in=ROLLING)
    behind = Q(observed_generation__lt=F("generation"))
    at_rest = (~Q(sent_hash="") | Q(generation=0)) & Q(observed__in=["stopped", "absent"])
    return [
        ("deleted", ~Q(deleted_at=None)),
        ("failed", ~Q(halted_at=None) | (Q(observed="failed") & heard)),
        ("binned", ~Q(erases_at=None) & ~Q(requested=DELETED)),
        ("stopping", _aims_at(DELETED, heard, unheard)),
        ("stopped", _aims_at(STOPPED, heard, unheard) & at_rest),
        ("stopping", _aims_at(STOPPED, heard, unheard)),
        ("stopped", Q(generation=0, next_attempt_at=None)),
        ("provisioning", Q(sent_hash="") | (behind & (unheard | ~Q(told_run__in=ROLLING)))),
        ("sleeping", Q(told_sleeping=True)),
        ("provisioning", Q(told_run="wake", observed="starting")),
        (
            "attention",
            Q(told_attention=True) | ~Q(observed=RUNNING) | Q(certificate_ends_at__lte=now + CERTIFICATE_NOTICE),
        ),
        ("attention", behind & rolls),
    ]


def _aims_at(aim: str, heard: Q, unheard: Q) -> Q:
    """`lifecycle.told`: what the edge was last told, or what is requested."""
    as_told = heard & ~Q(requested=DELETED) & Q(told_requested=aim)
    return as_told | (Q(requested=aim) & (unheard | Q(requested=DELETED)))


def _placed(condition: Q, at: str) -> Q:
    """The condition with each name under `at`."""
    children: list[Any] = list(condition.children)
    placed = [_placed(each, at) if isinstance(each, Q) else _named(*each, at=at) for each in children]
    return Q(*placed, _connector=condition.connector, _negated=condition.negated)


def _named(name: str, value: Any, *, at: str) -> tuple[str, Any]:
    is_column = isinstance(value, F)
    return f"{at}{name}", F(f"{at}{value.name}") if is_column else value
