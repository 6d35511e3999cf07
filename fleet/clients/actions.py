"""Keeping views of the fleet."""

from typing import Any

from django.db import IntegrityError, transaction

from controlplane.actor import Actor
from controlplane.problems import Forbidden, Invalid
from fleet.clients.filters import Asked
from fleet.clients.models import LONGEST_NAME, FleetView
from organizations import access
from organizations.actions import trail
from organizations.models import Organization
from organizations.standings import Standing

SHARE = "tenant.operate"
"""What it takes to keep a view for everybody, and to change one that is everybody's."""
MOST = 50
"""Views of one person in one MSP, and shared ones of it."""


@transaction.atomic
def save(*, by: Actor, msp: Organization, name: str, asked: Asked, shared: bool = False) -> FleetView:
    """
    Keep a set of filters under a name.

    Raises Invalid for a name that can't be had, no filter, or too many views; Forbidden where sharing is not theirs.
    """
    standing = _standing(by, msp, shared=shared)
    if not asked.values:
        raise Invalid("A view narrows the fleet by at least one filter. Nothing was kept.", field="filters")
    _refuse_more(by, msp, shared=shared)
    view = FleetView(organization=msp, owner_id=by.user_id, shared=shared, filters=asked.filters, sort=asked.sort)
    _write(view, name)
    trail.record(by, standing, "fleet.view.create", view.pk, name=view.name, shared=shared)
    return view


@transaction.atomic
def change(
    *,
    by: Actor,
    view: FleetView,
    name: str | None = None,
    shared: bool | None = None,
    asked: Asked | None = None,
) -> FleetView:
    """
    Change a view: its name, who has it, what it narrows by.

    The caller has found it as who is asking. Raises Invalid, and Forbidden for what is somebody else's.
    """
    standing = _standing(by, view.organization, shared=view.shared or bool(shared))
    if shared is False and view.owner_id != by.user_id:
        raise Forbidden("Only whoever made a shared view takes it back. Nothing was changed.")
    if shared not in (None, view.shared):
        _refuse_more(by, view.organization, shared=bool(shared))
    if asked is not None and not asked.values:
        raise Invalid("A view narrows the fleet by at least one filter. Nothing was changed.", field="filters")
    news: dict[str, Any] = {} if asked is None else {"filters": asked.filters, "sort": asked.sort}
    for field, value in {**news, **({} if shared is None else {"shared": shared})}.items():
        setattr(view, field, value)
    _write(view, view.name if name is None else name)
    trail.record(by, standing, "fleet.view.change", view.pk, name=view.name, shared=view.shared)
    return view


@transaction.atomic
def remove(*, by: Actor, view: FleetView) -> None:
    """Forget a view. The caller has found it as who is asking. Raises Forbidden for a shared one."""
    standing = _standing(by, view.organization, shared=view.shared)
    trail.record(by, standing, "fleet.view.remove", view.pk, name=view.name, shared=view.shared)
    view.delete()


def _standing(by: Actor, msp: Organization, *, shared: bool) -> Standing:
    if by.tenant_ids is not None:
        raise Forbidden("This API key is limited to some tenants, and a view is about all. Nothing was changed.")
    return access.require(by, SHARE if shared else "tenant.view", msp)


def _refuse_more(by: Actor, msp: Organization, *, shared: bool) -> None:
    """Only a person's own rows count against them."""
    kept = FleetView.objects.filter(organization=msp, shared=shared)
    if (kept if shared else kept.filter(owner_id=by.user_id))[MOST - 1 : MOST]:
        raise Invalid(f"There are {MOST} views already. Remove one first.", field="name")


def _write(view: FleetView, name: str) -> None:
    view.name = name.strip()
    if not 1 <= len(view.name) <= LONGEST_NAME or not view.name.isprintable():
        raise Invalid(f"A view’s name has 1 to {LONGEST_NAME} printable characters. Nothing was kept.", field="name")
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise Invalid(f"There is a view called “{view.name}” already. Nothing was kept.", field="name") from error
