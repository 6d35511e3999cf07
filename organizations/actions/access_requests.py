"""
An MSP asks to be let into an organization, and the organization's owner answers.

1. The MSP makes a request and gets a code. It reaches the owner by mail or by the MSP's own hand. The MSP names no
   organization, and learns of one only when its owner lets it in.
2. The owner gives the code on the page of their organization and decides: up to which role, for how long.
"""

import datetime as dt
import hmac
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from controlplane import mail, rls
from controlplane.actor import Actor
from controlplane.ids import InvalidToken, body_of, digest, make_token, parse_token
from controlplane.problems import Conflict, Invalid, NotFound
from organizations.access import require, require_own
from organizations.accounts import guessing
from organizations.actions import grants, trail
from organizations.actions.locks import locked_organization
from organizations.addresses import checked_address
from organizations.models import AccessRequest, Grant, Organization
from organizations.models.access_request import LONGEST_REASON, new_access_request_id
from organizations.permissions import Role
from organizations.standings import current

LASTS = dt.timedelta(days=14)
MOST_OPEN = 50


@dataclass(frozen=True)
class Asked:
    """A request as its code shows it to whoever may answer."""

    id: str
    msp_id: str
    msp_name: str
    role_ceiling: str
    days: int | None
    reason: str
    expires_at: dt.datetime


def ask(
    *, by: Actor, msp: Organization, role_ceiling: str, email: str = "", days: int | None = None, reason: str = ""
) -> tuple[AccessRequest, str]:
    """
    Ask for access; returns the request and its code, which is shown once and mailed to `email` where one is given.

    The answer is the same whoever has the address. Raises Invalid naming the field, Conflict for an organization
    that is no MSP and for an address that is asked already, and a 429 Problem.
    """
    require_own(by, "client.manage", msp, confirmed=True)
    if not msp.is_msp:
        raise Conflict("Only a managed service provider asks for access. Nothing was sent.", code="NOT_AN_MSP")
    request = AccessRequest(
        id=new_access_request_id(),
        organization=msp,
        email=checked_address(email) if email.strip() else "",
        role_ceiling=grants.checked_ceiling(role_ceiling),
        days=grants.checked_days(days),
        reason=" ".join(reason.split())[:LONGEST_REASON],
        made_by_id=by.user_id or None,
        expires_at=timezone.now() + LASTS,
    )
    with rls.acting_as(f"org:{msp.pk}"):
        locked_organization(msp.pk)
        _within_bounds(request)
        _count(request)
        code = make_token("code", msp.pk, body_of(request.pk))
        request.secret_digest = digest(code)
        request.save(force_insert=True)
        told = {**_told(request), "email": request.email}
        trail.record(by, msp.pk, "organizations.access_request.create", request.pk, **told)
        if request.email:
            _mail(msp, request, code)
    return request, code


def take_back(*, by: Actor, msp: Organization, request_id: str) -> None:
    """End a request before it is answered. Raises NotFound, also where it is answered already or too old."""
    require(by, "client.manage", msp)
    with rls.acting_as(f"org:{msp.pk}"):
        open_ones = AccessRequest.objects.open().filter(organization=msp)
        if not open_ones.filter(pk=request_id).update(state=AccessRequest.State.WITHDRAWN, answered_at=timezone.now()):
            raise NotFound
        told = _told(AccessRequest.objects.get(pk=request_id))
        trail.record(by, msp.pk, "organizations.access_request.withdraw", request_id, **told)


def asked(*, by: Actor, organization: Organization, code: str) -> Asked:
    """What a code asks of an organization that the asker owns. Raises NotFound for a code that can't be answered."""
    require_own(by, "organization.manage", organization)
    with rls.reading_as(f"org:{_msp_of(code)}"):
        return _shown(_open(code))


def approve(
    *,
    by: Actor,
    organization: Organization,
    code: str,
    role_ceiling: str,
    days: int | None = None,
    emergency_ceiling: str = "",
) -> Grant:
    """
    Let the MSP that asked into the organization, up to a role, for some days or standing with a date of review.

    Args: emergency_ceiling: the ceiling in an emergency; empty allows none.
    Raises NotFound for a code that can't be answered, Invalid naming the field, Forbidden for a ceiling above the
    asker's own reach, Conflict where the MSP has access already or is, over whatever way, a client of this
    organization.
    """
    standing = require_own(by, "organization.manage", organization, confirmed=True)
    ceiling, lasting = grants.given_ceiling(standing, role_ceiling), grants.until(grants.checked_days(days))
    emergency = (
        grants.given_ceiling(standing, emergency_ceiling, field="emergency_ceiling") if emergency_ceiling else ""
    )
    msp_id = _msp_of(code)
    with rls.reading_as(f"org:{msp_id}"):
        _open(code)  # before anything is told of whoever the code names
    if msp_id == organization.pk:
        raise Conflict("This is a request of your own organization. Nothing was changed.", code="OWN_REQUEST")
    with rls.acting_as(f"org:{organization.pk}"):
        grants.refuse_cycle(msp_id, organization.pk)
        given = Grant.objects.filter(client=organization, msp_id=msp_id, state=Grant.State.ACTIVE)
        if given.filter(current()).exists():
            raise Conflict(
                "This MSP has access already. Nothing was changed.",
                code="GRANT_EXISTS",
                hint="Change what it may do, or how long, beside its name.",
            )
        for lapsed in given.select_for_update():
            grants.end_lapsed(lapsed, timezone.now())  # its end came before the clock's
        grant = Grant.objects.create(
            msp_id=msp_id, client=organization, role_ceiling=ceiling, emergency_ceiling=emergency, **lasting
        )
        request_id = _answer(code, AccessRequest.State.APPROVED, grant=grant)
        grants.record(by, grant, "organizations.grant.approve", request=request_id)
    return grant


def decline(*, by: Actor, organization: Organization, code: str) -> None:
    """
    Turn a request down. The MSP hears that, and not from whom.

    Raises NotFound for a code that can't be answered.
    """
    require_own(by, "organization.manage", organization)
    request_id = _answer(code, AccessRequest.State.DECLINED)
    with rls.acting_as(f"org:{organization.pk}"):
        trail.record(by, organization.pk, "organizations.access_request.decline", request_id, msp=_msp_of(code))


def checked_code(code: str) -> None:
    """Raises Invalid for what can't be a code: a character is missing or mistyped."""
    try:
        parse_token(code.strip())
    except InvalidToken as error:
        raise Invalid("This is no complete code: a character is missing or mistyped.", field="code") from error


def _msp_of(code: str) -> str:
    try:
        parsed = parse_token(code.strip())
    except InvalidToken as error:
        raise _no_such_code() from error
    if parsed.prefix != "code":
        raise _no_such_code()
    return f"org_{parsed.owner}"


def _open(code: str) -> AccessRequest:
    """The request that a code answers, looked up as the MSP that the code names. A forged name finds nothing."""
    parsed = parse_token(code.strip())
    known = {"pk": f"acr_{parsed.id}", "organization_id": f"org_{parsed.owner}"}
    request = AccessRequest.objects.open().select_for_update().filter(**known).first()
    if request is None or not hmac.compare_digest(request.secret_digest, digest(code.strip())):
        raise _no_such_code()
    return request


def _answer(code: str, state: AccessRequest.State, *, grant: Grant | None = None) -> str:
    """Note the answer with the MSP, once. Whoever declined is not named there: they may be a stranger."""
    with rls.acting_as(f"org:{_msp_of(code)}"):
        request = _open(code)
        request.state, request.answered_at, request.grant = state, timezone.now(), grant
        request.save(update_fields=["state", "answered_at", "grant"])
        if grant is None:
            answered = Actor.system("answered by whoever had the code", organization_id=request.organization_id)
            told = _told(request)
            trail.record(answered, request.organization_id, "organizations.access_request.decline", request.pk, **told)
    return request.pk


def _shown(request: AccessRequest) -> Asked:
    msp = Organization.objects.get(pk=request.organization_id)
    return Asked(request.pk, msp.pk, msp.name, request.role_ceiling, request.days, request.reason, request.expires_at)


def _within_bounds(request: AccessRequest) -> None:
    own = AccessRequest.objects.filter(organization_id=request.organization_id)
    for late in own.late():
        late.state, late.answered_at = AccessRequest.State.WITHDRAWN, timezone.now()
        late.save(update_fields=["state", "answered_at"])
        clock = Actor.system("nobody answered in time", organization_id=late.organization_id)
        told = _told(late)
        trail.record(clock, late.organization_id, "organizations.access_request.withdraw", late.pk, **told)
    if request.email and own.open().filter(email__iexact=request.email).exists():
        raise Conflict(
            "This address has been asked already. Nothing was sent.",
            code="ALREADY_ASKED",
            hint="Wait for the answer, or take the first request back.",
        )
    if own.open().count() >= MOST_OPEN:
        raise Conflict(
            f"{MOST_OPEN} requests are open. Nothing was sent.",
            code="TOO_MANY_REQUESTS_OPEN",
            hint="Take back those that nobody will answer.",
        )


def _count(request: AccessRequest) -> None:
    """Bounds what an MSP sends that asks and takes back in turn, and what all together send to one address."""
    guessing.count("access_request", request.organization_id)
    if request.email:
        guessing.count("access_request.address", request.email)


def _mail(msp: Organization, request: AccessRequest, code: str) -> None:
    context = {
        "msp": mail.unlinked(msp.name),
        "role": Role(request.role_ceiling).label.lower(),
        "days": request.days,
        "reason": mail.unlinked(request.reason),
        "code": code,
        "ends": f"{request.expires_at:%-d %B %Y}",
    }
    mail.write(to=request.email, template="access_request", context=context, organization_id=msp.pk)


def _told(request: AccessRequest) -> dict[str, Any]:
    return {"role_ceiling": request.role_ceiling, "days": request.days or 0}


def _no_such_code() -> NotFound:
    return NotFound(
        "This code can't be answered: it is mistyped, was answered already, was taken back or is too old.",
        hint="Ask the service provider for a new one.",
        code="NO_SUCH_CODE",
    )
