"""
Judges what an OpenID provider sends back.

Every answer is checked as a whole (OpenID Connect Core 1.0, section 3.1.3.7): signature by a key of the provider and an
algorithm from a list, issuer, audience, authorized party, times and nonce of the ID token, and that user details belong
to the same subject. PKCE (RFC 7636) is always used.
"""

import base64
import binascii
import hashlib
import hmac
import time
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

import jwt

from controlplane.hygiene import refuse_text
from organizations.sso import outgoing
from organizations.sso.claims import flat, told_by
from organizations.sso.oidc.provider import PLATFORM, Provider, json_object, unavailable
from organizations.sso.proven import ProvenIdentity, SignInRefused

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LEEWAY_SECONDS = 60
OLDEST_SECONDS = 600
LONGEST_SUBJECT = 191
PROTOCOL_CLAIMS = frozenset({"iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "auth_time"})
# What the ID token's signature vouches for: user details may not replace it.
SIGNED_CLAIMS = PROTOCOL_CLAIMS | {"amr", "acr"}
UNSHOWN_CLAIMS = PROTOCOL_CLAIMS | {"c_hash", "s_hash", "jti", "sid"}


def prove(provider: Provider, *, code: str, nonce: str, verifier: str, afresh: bool = False) -> ProvenIdentity:
    """Who the provider proves by `code`; `afresh` demands that it authenticated them just now. Raises SignInRefused."""
    try:
        tokens, by_former = _exchange(provider, code, verifier)
        access_token, id_token = str(tokens.get("access_token", "")), str(tokens.get("id_token", ""))
        claims = _judged_claims(provider, id_token, nonce)
        if afresh and not _was_just_now(claims):
            raise invalid("The provider did not authenticate the person again (auth_time).")
        _check_access_token(id_token, claims, access_token)
        details = _user_details(provider, access_token, str(claims["sub"]))
        return replace(_identity(provider, {**claims, **details}), by_former_secret=by_former)
    except outgoing.OutgoingRefused as error:
        raise unavailable(str(error)) from error
    except SignInRefused:
        raise
    except Exception as error:  # a hostile provider sends any type and any text anywhere: all of it means "not valid"
        raise invalid(f"The answer can't be used: {error or type(error).__name__}") from error


def invalid(reason: str) -> SignInRefused:
    """The refusal of an answer that is not acceptable."""
    return SignInRefused(
        "OIDC_INVALID",
        reason[:300],
        told="Your sign-in provider's answer was not accepted.",
        hint="Begin again from the sign-in page. If it happens again, tell your administrator.",
    )


def _exchange(provider: Provider, code: str, verifier: str) -> tuple[dict[str, Any], bool]:
    """The tokens for a code, and whether only the secret before the present one was taken for it."""
    secrets = [provider.client_secret, *filter(None, [provider.former_secret])]
    for number, secret in enumerate(secrets):
        answer = _asked_for_tokens(provider, secret, code, verifier)
        if answer.status == 200:
            return json_object(answer.body, "token endpoint"), number > 0
        if not _knows_no_client(answer):
            break
    raise invalid(f"The token endpoint answered with status {answer.status}{_said(answer)}.")


def _asked_for_tokens(provider: Provider, secret: str, code: str, verifier: str) -> outgoing.Answer:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": provider.redirect_uri,
        "code_verifier": verifier,
    }
    headers = {}
    if provider.endpoints.get("token_auth", "basic") == "basic":
        pair = quote_plus(provider.client_id) + ":" + quote_plus(secret)
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    else:
        form |= {"client_id": provider.client_id, "client_secret": secret}
    return outgoing.post(provider.endpoints["token_endpoint"], what="token endpoint", form=form, headers=headers)


def _knows_no_client(answer: outgoing.Answer) -> bool:
    """Whether the secret was refused (RFC 6749, section 5.2): then the code is unused, and the former one is tried."""
    return answer.status == 401 or (answer.status == 400 and _said(answer) == ": invalid_client")


def _said(answer: outgoing.Answer) -> str:
    """The error code of the token endpoint, for the audit trail."""
    try:
        code = json_object(answer.body, "token endpoint").get("error", "")
    except outgoing.OutgoingRefused:
        return ""
    return f": {code}"[:80] if isinstance(code, str) and code.isprintable() else ""


def _judged_claims(provider: Provider, id_token: str, nonce: str) -> dict[str, Any]:
    claims = _decoded(provider, id_token)
    if time.time() - claims["iat"] > OLDEST_SECONDS:
        raise invalid("The ID token was issued more than ten minutes ago.")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != provider.client_id:
        raise invalid("The ID token was made for another client (azp).")
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise invalid("The ID token answers another request (nonce).")
    return claims


def _decoded(provider: Provider, id_token: str) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(id_token)
        if header.get("alg") not in ALGORITHMS:
            raise invalid(f"The ID token is signed by {header.get('alg')!r}, which is not accepted.")
        claims = jwt.decode(
            id_token,
            _key(provider, header),
            algorithms=ALGORITHMS,
            audience=provider.client_id,
            issuer=provider.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud", "sub", "nonce"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError, binascii.Error) as error:
        raise invalid(f"ID token: {error}") from error
    return dict(claims)


def _key(provider: Provider, header: dict[str, Any]) -> Any:
    """The provider's key that the token names; symmetric keys never count, whatever the token says."""
    answer = outgoing.get(provider.endpoints["jwks_uri"], what="key set address")
    listed = json_object(answer.body, "key set address").get("keys")
    keys = [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []
    usable = [key for key in keys if key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"]
    named = [key for key in usable if key.get("kid") == header.get("kid")] if header.get("kid") else usable
    if len(named) != 1:
        raise invalid("The provider publishes no single key of the ID token's name.")
    return jwt.PyJWK(named[0], algorithm=str(header["alg"])).key


def _check_access_token(id_token: str, claims: dict[str, Any], access_token: str) -> None:
    """Compares `at_hash` where the provider sends it: it ties the access token to this ID token."""
    if "at_hash" not in claims:
        return
    algorithm = str(jwt.get_unverified_header(id_token)["alg"])
    hashing = {"384": hashlib.sha384, "512": hashlib.sha512}.get(algorithm[-3:], hashlib.sha256)
    whole = (hashlib.sha512 if algorithm == "EdDSA" else hashing)(access_token.encode()).digest()
    expected = base64.urlsafe_b64encode(whole[: len(whole) // 2]).decode().rstrip("=")
    if not hmac.compare_digest(str(claims["at_hash"]).encode(), expected.encode()):
        raise invalid("The access token does not belong to the ID token (at_hash).")


def _user_details(provider: Provider, access_token: str, subject: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {access_token}"}
    answer = outgoing.get(provider.endpoints["userinfo_endpoint"], what="userinfo endpoint", headers=headers)
    if answer.status != 200:
        raise invalid(f"The userinfo endpoint answered with status {answer.status}.")
    details = json_object(answer.body, "userinfo endpoint")
    if details.get("sub") != subject:
        # The attack: an access token of another person, swapped in, would bring that person's address.
        raise invalid("User details belong to another subject than the ID token.")
    return {name: value for name, value in details.items() if name not in SIGNED_CLAIMS}


def _identity(provider: Provider, claims: dict[str, Any]) -> ProvenIdentity:
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise invalid("The subject is empty or too long.")
    refuse_text(subject, "sub")
    table = flat({name: value for name, value in claims.items() if name not in UNSHOWN_CLAIMS})
    told = told_by("oidc", provider.mapping, table)
    return ProvenIdentity(
        provider.provider_id,
        subject,
        told.email,
        told.name,
        # An organization's own provider could call any address verified; only the platform's is believed.
        email_verified=provider.key == PLATFORM and claims.get("email_verified") is True,
        email_disputed=claims.get("email_verified") in (False, "false"),
        email_problem=told.problem,
        groups=told.groups,
        claims=table,
    )


def _was_just_now(claims: dict[str, Any]) -> bool:
    at, issued = claims.get("auth_time"), claims.get("iat")
    return isinstance(at, int) and isinstance(issued, int) and issued - at <= LEEWAY_SECONDS
