"""
A stand-in OpenID provider.

`python -m local.idp.oidc --port N --client-id ID --redirect URL [--redirect URL …] [--people FILE]`, with the client's
secret in the environment variable OIDC_CLIENT_SECRET. Besides the listed addresses it answers every
`/sso/oidc/<connection>/callback/` of the same origin, so that an organization's own connection can be tried with it.

Without a browser: GET the authorization address, post the page's form to it with `person` or `email`, follow the 303.
"""

import argparse
import base64
import hmac
import os
import re
from pathlib import Path
from urllib.parse import unquote_plus, urlencode, urlsplit

from local.idp import pages
from local.idp.people import Person, load, picked
from local.idp.process import form_of, run
from local.idp.tokens import Grant, Tokens
from local.web.messages import BadRequest, Request, Response
from local.web.routing import Routes

CALLBACK = re.compile(r"/sso/oidc/[a-z0-9_]+/callback/")
CARRIED = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)


class OpenIdProvider:
    """The provider's addresses."""

    def __init__(
        self, issuer: str, *, client_id: str, client_secret: str, redirects: list[str], people: list[Person]
    ) -> None:
        self.issuer, self.client_id, self._client_secret = issuer, client_id, client_secret
        self.redirects, self.people, self.tokens = redirects, people, Tokens(issuer)

    def routes(self) -> Routes:
        """What it answers."""
        return Routes(
            ("GET", "/.well-known/openid-configuration", self.discovery),
            ("GET", "/jwks", self.keys),
            ("GET", "/authorize", self.ask),
            ("POST", "/authorize", self.answer),
            ("POST", "/token", self.token),
            ("GET", "/userinfo", self.userinfo),
            ("GET", "/style.css", pages.style),
            ("GET", "/", self.about),
        )

    async def discovery(self, request: Request) -> Response:
        """OpenID Connect Discovery 1.0."""
        return Response.of_json(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/jwks",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": ["openid", "email", "profile"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def keys(self, request: Request) -> Response:
        """The key set."""
        return Response.of_json(self.tokens.key_set)

    async def ask(self, request: Request) -> Response:
        """The page to pick a person on."""
        asked = {name: request.query.get(name, "") for name in CARRIED}
        self._check(asked)
        return pages.choose("OpenID Connect", self.people, asked, origin=_origin(asked["redirect_uri"]))

    async def answer(self, request: Request) -> Response:
        """Sends the browser back with a code for the person that was picked."""
        form = {**request.query, **form_of(request)}
        asked = {name: form.get(name, "") for name in CARRIED}
        self._check(asked)
        grant = Grant(
            picked(self.people, form),
            asked["client_id"],
            asked["redirect_uri"],
            asked["nonce"],
            asked["code_challenge"],
        )
        query = urlencode({"code": self.tokens.code_for(grant), "state": asked["state"], "iss": self.issuer})
        return Response(303, headers={"location": f"{asked['redirect_uri']}?{query}", "cache-control": "no-store"})

    async def token(self, request: Request) -> Response:
        """Exchanges a code, for the client that can prove itself."""
        form = form_of(request)
        if not self._is_client(request, form):
            return Response.of_json({"error": "invalid_client"}, 401)
        try:
            tokens = self.tokens.exchange(
                form.get("code", ""), redirect_uri=form.get("redirect_uri", ""), verifier=form.get("code_verifier", "")
            )
        except BadRequest as error:
            return Response.of_json({"error": str(error)}, 400)
        return Response.of_json(tokens, headers={"cache-control": "no-store"})

    async def userinfo(self, request: Request) -> Response:
        """Details of the person an access token was given for."""
        details = self.tokens.details(request.headers.get("authorization", "").removeprefix("Bearer "))
        return Response.of_json(details) if details else Response.of_json({"error": "invalid_token"}, 401)

    async def about(self, request: Request) -> Response:
        """What this is."""
        return pages.page("OpenID Connect", "Nothing to do here", "<p>Begin at the portal's sign-in page.</p>")

    def _check(self, asked: dict[str, str]) -> None:
        wrong = {
            "client_id": asked["client_id"] != self.client_id,
            "redirect_uri": not self._may_redirect_to(asked["redirect_uri"]),
            "response_type": asked["response_type"] != "code",
            "scope": "openid" not in asked["scope"].split(),
            "code_challenge_method": asked["code_challenge_method"] != "S256" or not asked["code_challenge"],
        }
        for name, is_wrong in wrong.items():
            if is_wrong:
                raise BadRequest(f"The parameter {name} is missing or not acceptable.")

    def _may_redirect_to(self, address: str) -> bool:
        parts = urlsplit(address)
        same_origin = _origin(address) in {_origin(listed) for listed in self.redirects}
        return address in self.redirects or (same_origin and bool(CALLBACK.fullmatch(parts.path)) and not parts.query)

    def _is_client(self, request: Request, form: dict[str, str]) -> bool:
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, pair = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            client, _, secret = map(unquote_plus, _decoded(pair).partition(":"))
        right = hmac.compare_digest(secret.encode(), self._client_secret.encode())
        return client == self.client_id and right


def _decoded(pair: str) -> str:
    try:
        return base64.b64decode(pair, validate=True).decode()
    except ValueError:
        return ""


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def main() -> int:
    """Runs the provider."""
    parser = argparse.ArgumentParser(prog="local.idp.oidc", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--client-id", required=True)
    parser.add_argument("--redirect", action="append", required=True, help="allowed redirect address; repeatable")
    parser.add_argument("--people", type=Path, help='JSON list of {"sub", "email", "name"}')
    arguments = parser.parse_args()
    secret = os.environ.get("OIDC_CLIENT_SECRET", "")
    if not secret:
        parser.error("the environment variable OIDC_CLIENT_SECRET is missing")
    provider = OpenIdProvider(
        f"http://localhost:{arguments.port}",
        client_id=arguments.client_id,
        client_secret=secret,
        redirects=arguments.redirect,
        people=load(arguments.people),
    )
    return run(provider.routes(), arguments.port)


if __name__ == "__main__":
    raise SystemExit(main())
