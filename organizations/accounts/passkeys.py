"""
Passkeys: the two ceremonies of WebAuthn Level 3 (https://www.w3.org/TR/webauthn-3/), 7.1 and 7.2.

The signatures are judged by Yubico's library. What it leaves open is decided here: a challenge counts once, for five
minutes and for the purpose it was made for; the origin is the portal's own and no other of the same site, such as a
tenant's dashboard; the person is always verified; a counter that goes back is a copied key.
"""

import json
import re
import struct
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from controlplane import rls
from controlplane.problems import Invalid, Problem
from organizations.accounts.models import Passkey
from organizations.models import User

log = structlog.get_logger(__name__)

SESSION_KEY = "passkey_challenges"
PURPOSES = ("sign_up", "sign_in", "factor", "confirm", "add")
LIFETIME_SECONDS = 300
LONGEST_ANSWER = 16_384
_VERIFIED = UserVerificationRequirement.REQUIRED


class NotAccepted(Exception):
    """
    The browser's answer proves nothing. The text is for the log; people are told the same every time.

    Args: user_id: whose passkey it names, where it names one that is known here.
    """

    def __init__(self, text: str, user_id: str = "") -> None:
        super().__init__(text)
        self.user_id = user_id


@dataclass(frozen=True)
class NewPasskey:
    """A credential that was made just now."""

    credential_id: str
    credential: str
    sign_count: int


def refused(refusal: NotAccepted) -> Problem:
    """What people are told; the reason goes to the log, since it would help whoever tries."""
    log.info("passkey_not_accepted", reason=str(refusal)[:200])
    return Invalid("This passkey was not accepted.", code="PASSKEY_NOT_ACCEPTED", hint="Try again, or use another way.")


def creation_options(request: HttpRequest, purpose: str, *, user_id: str, name: str) -> dict[str, Any]:
    """What `navigator.credentials.create` takes. Args: user_id: whose it will be; name: what the person reads."""
    with rls.reading_as(f"user:{user_id}"):
        known = [_descriptor(row) for row in Passkey.objects.filter(user_id=user_id)]
    options, state = _server().register_begin(
        PublicKeyCredentialUserEntity(id=user_id.encode(), name=name, display_name=name),
        known,
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=_VERIFIED,
    )
    _remember(request, purpose, state, user_id)
    return dict(options)


def request_options(request: HttpRequest, purpose: str, *, user_id: str = "") -> dict[str, Any]:
    """What `navigator.credentials.get` takes. Args: user_id: whose passkey it must be; empty for whoever comes."""
    known: list[PublicKeyCredentialDescriptor] | None = None
    if user_id:
        with rls.reading_as(f"user:{user_id}"):
            known = [_descriptor(row) for row in Passkey.objects.filter(user_id=user_id)]
    options, state = _server().authenticate_begin(known, user_verification=_VERIFIED)
    _remember(request, purpose, state, user_id)
    return dict(options)


def register(request: HttpRequest, purpose: str, answer: str, *, user_id: str) -> NewPasskey:
    """The credential that the browser made for `user_id`. Raises NotAccepted."""
    state = _take(request, purpose, user_id)
    try:
        response = RegistrationResponse.from_dict(_read(answer))
        _refuse_foreign_frame(response.response.client_data.cross_origin)
        data = _server().register_complete(state, response)
    except _BAD as error:
        raise NotAccepted(str(error) or type(error).__name__) from error
    credential = data.credential_data
    if credential is None:
        raise NotAccepted("no credential")
    return NewPasskey(websafe_encode(credential.credential_id), websafe_encode(bytes(credential)), data.counter)


def prove(request: HttpRequest, purpose: str, answer: str, *, user_id: str = "") -> Passkey:
    """
    The passkey with which somebody answered the challenge. Raises NotAccepted.

    Args: user_id: whose it must be, as the options said; empty for whoever comes, whom the answer itself names.
    """
    state = _take(request, purpose, user_id)
    known = ""
    try:
        response = AuthenticationResponse.from_dict(_read(answer))
        _refuse_foreign_frame(response.response.client_data.cross_origin)
        owner = user_id or _user_of(response)
        passkey = _row(owner, websafe_encode(response.raw_id))
        known = passkey.user_id
        _server().authenticate_complete(state, [AttestedCredentialData(websafe_decode(passkey.credential))], response)
        count = response.response.authenticator_data.counter
    except _BAD as error:
        raise NotAccepted(str(error) or type(error).__name__, known) from error
    _note_use(passkey, count)
    return passkey


# What parsers raise about bytes, types and lengths that nobody honest sends.
_BAD = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    AssertionError,
    struct.error,
    UnsupportedAlgorithm,
)
_PERSON = re.compile(r"usr_[a-z2-7]{20}")


def _server() -> Fido2Server:
    host = urlsplit(settings.BASE_URL).hostname or ""
    relying_party = PublicKeyCredentialRpEntity(id=host, name=settings.BRAND)
    return Fido2Server(relying_party, verify_origin=lambda origin: origin == settings.BASE_URL)


def _remember(request: HttpRequest, purpose: str, state: dict[str, Any], user_id: str) -> None:
    known = {key: value for key, value in _stored(request).items() if key in PURPOSES}
    request.session[SESSION_KEY] = {**known, purpose: {**state, "user": user_id, "at": time.time()}}


def _take(request: HttpRequest, purpose: str, user_id: str) -> dict[str, Any]:
    """The challenge under way, used up before the answer to it is looked at: a second answer finds none."""
    stored = dict(_stored(request))
    state = stored.pop(purpose, None)
    request.session[SESSION_KEY] = stored
    if not isinstance(state, dict) or not 0 <= time.time() - state["at"] < LIFETIME_SECONDS:
        raise NotAccepted("no challenge is under way")
    if state["user"] != user_id:
        raise NotAccepted("the challenge was made for somebody else")
    return {"challenge": state["challenge"], "user_verification": _VERIFIED}


def _stored(request: HttpRequest) -> dict[str, Any]:
    stored = request.session.get(SESSION_KEY)
    return stored if isinstance(stored, dict) else {}


def _read(answer: str) -> dict[str, Any]:
    if len(answer) > LONGEST_ANSWER:
        raise ValueError("the answer is too long")
    value = json.loads(answer)
    if not isinstance(value, dict):
        raise ValueError("the answer is no object")
    return value


def _refuse_foreign_frame(is_cross_origin: bool) -> None:
    """The attack: our page in a frame of somebody else's, where a person does not see for whom they answer."""
    if is_cross_origin:
        raise ValueError("answered inside another site's page")


def _user_of(response: AuthenticationResponse) -> str:
    handle = response.response.user_handle
    if not handle:
        raise ValueError("the answer names nobody")
    user_id = bytes(handle).decode("ascii")
    if not _PERSON.fullmatch(user_id):
        raise ValueError("the answer names nobody")
    return user_id


def _row(user_id: str, credential_id: str) -> Passkey:
    with rls.reading_as(f"user:{user_id}"):
        row = Passkey.objects.filter(user_id=user_id, credential_id=credential_id).first()
    if row is None:
        raise ValueError("this passkey is known to nobody here")
    return row


def _note_use(passkey: Passkey, count: int) -> None:
    """Takes the counter forward, by compare-and-set; one that stands or goes back belongs to a copy."""
    with rls.acting_as(f"user:{passkey.user_id}"):
        forward = Q(sign_count__lt=count) if count else Q(sign_count=0)
        rows = Passkey.objects.filter(forward, pk=passkey.pk)
        moved = rows.update(sign_count=count, last_used_at=timezone.now())
    if not moved:
        log.warning("passkey_counter_went_back", passkey=passkey.pk, user=passkey.user_id)
        raise NotAccepted("the counter went back: there is a copy of this passkey", passkey.user_id)


def _descriptor(row: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=websafe_decode(row.credential_id))


def owner_of(passkey: Passkey) -> User:
    """Whose it is."""
    with rls.reading_as(f"user:{passkey.user_id}"):
        return User.objects.get(pk=passkey.user_id)
