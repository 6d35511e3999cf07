"""Lets people into a tenant's dashboard and event stream, with credentials that end by themselves."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from django.db import transaction
from django.utils import timezone

from controlplane import audit, edge_keys, rls
from controlplane.actor import Actor
from controlplane.ids import new_id
from controlplane.problems import Forbidden, Invalid
from controlplane.transactions import let_go
from organizations import access
from organizations.models import ApiKey, Organization, User
from organizations.standings import Standing
from tenants.provisioning import lifecycle
from tenants.provisioning.dashboard_roles import Variant, role_within
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.models import Tenant
from tenants.provisioning.problems import NotPossibleNow, problem_of

LONGEST = dt.timedelta(hours=8)
"""After this long every credential ends, whether or not anybody revoked it."""

LONGEST_PATH = 2000
PATH = re.compile(r"/app/[!-\[\]-~]*")


@dataclass(frozen=True)
class DashboardCode:
    """
    What the browser posts, as the form field `code`, to `post_to`. It works once, until `expires_at`.

    With the `variant` "read_only" nothing can be changed in the dashboard.
    """

    code: str
    post_to: str
    expires_at: str
    variant: Variant


@dataclass(frozen=True)
class StreamToken:
    """A credential for one door of a tenant at the edge, at `url`, until `expires_at`."""

    token: str
    url: str
    expires_at: dt.datetime


def open_dashboard(
    *, by: Actor, tenant: Tenant, variant: Variant | None = None, path: str | None = None
) -> DashboardCode:
    """
    Have the edge issue a one-time code for the tenant's dashboard.

    Args: path: where in the dashboard it opens, such as `/app/wz-home`; its first page where nothing is given.

    The session that the code opens ends after 8 hours, or with the grant or the API key under which somebody acts.
    Without a `variant` it opens with all that the role of `by` may do there. Raises Forbidden where the role may not
    open this variant, NotPossibleNow where no dashboard runs, EdgeNotAvailable while the edge does not answer, Invalid
    for a path that leads elsewhere.

    The edge is asked between two transactions: an entry written before would lock the organization's trail for as long
    as the edge likes. The code is handed out only once its entry stands.
    """
    place = {"path": _inside(path)} if path else {}
    with rls.reading_as(by.rls_actor):
        standing = access.require(by, "dashboard.open", tenant.organization_id)
        order = {**_order(by, tenant, standing, variant), **place}
    let_go()
    code = _code(tenant, order)
    with rls.acting_as(by.rls_actor):
        _note(by, tenant, "tenants.dashboard.open", standing, role=order["role"], variant=order["variant"])
    return code


@transaction.atomic
def event_stream_token(*, by: Actor, tenant: Tenant) -> StreamToken:
    """A credential to read, replay and follow one tenant's events, for 8 hours or until the grant or API key ends."""
    standing = access.require(by, "events.read", tenant.organization_id)
    _note(by, tenant, "tenants.events.open", standing)
    end = _end(by, standing)
    token = scoped_token(by, tenant, standing, end, networks=_networks(by, standing))
    return StreamToken(token, f"{tenant.cell.base_url}/api/events", end)


@transaction.atomic
def rotation_token(*, by: Actor, tenant: Tenant) -> StreamToken:
    """A credential to rotate one tenant's certificates at the edge, for as long as one for its events."""
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    _note(by, tenant, "tenants.rotation.open", standing)
    end = _end(by, standing)
    token = scoped_token(by, tenant, standing, end, scope="certs:rotate", networks=_networks(by, standing))
    return StreamToken(token, f"{tenant.cell.base_url}/api/certs/rotate", end)


def scoped_token(
    by: Actor,
    tenant: Tenant,
    standing: Standing,
    end: dt.datetime,
    *,
    scope: str = "events:read",
    networks: Sequence[Sequence[str]] = (),
) -> str:
    """
    Sign a credential for one door of the edge that revocations find by person, session, grant and connection.

    Args: networks: from where it may be used; none for what the portal uses itself.
    """
    claims = {
        "sub": by.user_id,
        "tenant": tenant.pk,
        "scope": scope,
        "role": role_within(standing.permissions).name,
        **_carried(by, tenant, standing),
        "networks": networks,
    }
    seconds = int((end - timezone.now()).total_seconds())
    return edge_keys.sign_scoped(claims, cell_id=tenant.cell_id, seconds=seconds)


def _carried(by: Actor, tenant: Tenant, standing: Standing) -> dict[str, Any]:
    """What a session carries so that it can be ended: through whom, by which way in, in which session."""
    return {
        "organization": tenant.organization_id,
        "grant": standing.grant_id,
        "connection": standing.connection_id,
        "session": by.session_id or by.key_id or by.user_id,
    }


def _networks(by: Actor, standing: Standing) -> list[list[str]]:
    """Lists of networks, in each of which whoever comes has to be: the organization's, the MSP's, the API key's."""
    demanding = Organization.objects.filter(pk__in=[standing.organization_id, standing.msp_id or ""]).order_by("pk")
    keys = ApiKey.objects.filter(pk=by.key_id or "")
    lists = [*demanding.values_list("allowed_networks", flat=True), *keys.values_list("networks", flat=True)]
    return [networks for networks in lists if networks]


def _order(by: Actor, tenant: Tenant, standing: Standing, variant: Variant | None) -> dict[str, Any]:
    """What the edge has to know to let somebody into the dashboard."""
    role = role_within(standing.permissions)
    if variant is not None and variant not in role.variants:
        raise Forbidden("Your role opens this dashboard read-only. Nothing was opened.")
    wakes = lifecycle.is_sleeping(tenant) or lifecycle.is_waking(tenant)
    if not wakes and (tenant.edge_view or {}).get("observed") not in ("running", "degraded"):
        raise NotPossibleNow("This tenant's dashboard is not running.", "Start the tenant and wait until it runs.")
    user = User.objects.get(pk=by.user_id)
    return {
        "epoch": tenant.cell.epoch,
        "idempotency_key": new_id("call"),
        "user": {"id": user.pk, "email": user.email},
        "role": role.name,
        "variant": variant or role.variants[0],
        **_carried(by, tenant, standing),
        "ends_at": _text(_end(by, standing)),
        "networks": _networks(by, standing),
    }


def _inside(path: str) -> str:
    """The attack: a link to a page of ours carries a path that a browser reads as one outside the dashboard."""
    where = unquote(re.split(r"[?#]", path, maxsplit=1)[0])
    if len(path) > LONGEST_PATH or not PATH.fullmatch(path) or {".", ".."} & set(where.split("/")):
        raise Invalid(
            "A dashboard opens at a path of its own that begins with /app/. Nothing was opened.", field="path"
        )
    return path


def _code(tenant: Tenant, order: dict[str, Any]) -> DashboardCode:
    try:
        answer = EdgeApi(tenant.cell).dashboard_code(tenant.pk, order)
    except EdgeError as error:
        raise problem_of(error) from error
    return DashboardCode(answer["code"], answer["post_to"], answer["expires_at"], order["variant"])


def _note(by: Actor, tenant: Tenant, action: str, standing: Standing, **more: str) -> None:
    audit.record(
        by=by,
        action=action,
        organization_id=tenant.organization_id,
        target=tenant.pk,
        data={**more, "name": tenant.name},
        grant_id=standing.grant_id,
    )


def _end(by: Actor, standing: Standing) -> dt.datetime:
    """When access ends by itself: no later than what it stands on."""
    of_key = ApiKey.objects.filter(pk=by.key_id).values_list("expires_at", flat=True).first() if by.key_id else None
    return min(end for end in (timezone.now() + LONGEST, standing.ends_at, of_key) if end is not None)


def _text(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
