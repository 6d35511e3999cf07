"""
A stand-in SAML 2.0 identity provider.

`python -m local.idp.saml --port N --portal URL [--keys DIR] [--people FILE]`. Metadata is at `/metadata`. It answers
requests of that portal only: answers go to `<portal>/sso/saml/…/acs/`. The key pair is made at the first start and kept
in DIR, so that organizations which signed up still can after a restart.

Without a browser: GET the address with the SAMLRequest, post the page's form with `person` or `email`, and post the
form of the page that comes back.
"""

import argparse
import tempfile
from pathlib import Path

from local.idp import pages, saml_keys
from local.idp.people import Person, load, picked
from local.idp.process import form_of, run
from local.idp.saml_messages import AuthnRequest, metadata, read_request, signed_answer
from local.web.messages import BadRequest, Request, Response
from local.web.routing import Routes


class SamlProvider:
    """The provider's addresses."""

    def __init__(self, base: str, *, portal: str, key: str, certificate: str, people: list[Person]) -> None:
        self.base, self.portal, self.people = base, portal.rstrip("/"), people
        self._key, self.certificate = key, certificate

    @property
    def entity_id(self) -> str:
        """The provider's name."""
        return f"{self.base}/metadata"

    def routes(self) -> Routes:
        """What it answers."""
        return Routes(
            ("GET", "/metadata", self.metadata),
            ("GET", "/sso", self.ask),
            ("POST", "/sso", self.answer),
            ("GET", "/style.css", pages.style),
            ("GET", "/submit.js", pages.submit_script),
            ("GET", "/", self.about),
        )

    async def metadata(self, request: Request) -> Response:
        """The document that an organization signs up with."""
        xml = metadata(entity_id=self.entity_id, sign_in_url=f"{self.base}/sso", certificate=self.certificate)
        return Response.of_text(xml, content_type="application/samlmetadata+xml")

    async def ask(self, request: Request) -> Response:
        """The page to pick a person on."""
        hidden = {name: request.query.get(name, "") for name in ("SAMLRequest", "RelayState")}
        self._request(hidden["SAMLRequest"])
        return pages.choose("SAML", self.people, hidden, origin=self.portal)

    async def answer(self, request: Request) -> Response:
        """The page that posts the signed answer to the portal."""
        form = {**request.query, **form_of(request)}
        asked = self._request(form.get("SAMLRequest", ""))
        person = picked(self.people, form)
        message = signed_answer(asked, person, entity_id=self.entity_id, key=self._key, certificate=self.certificate)
        fields = {"SAMLResponse": message}
        if form.get("RelayState"):
            fields["RelayState"] = form["RelayState"]
        return pages.post_on("SAML", asked.acs, fields, origin=self.portal)

    async def about(self, request: Request) -> Response:
        """What this is."""
        return pages.page("SAML", "Nothing to do here", '<p>My <a href="/metadata">metadata</a>.</p>')

    def _request(self, encoded: str) -> AuthnRequest:
        """The request, if it is one of the portal's: an assertion must never be sent anywhere else."""
        asked = read_request(encoded)
        if not (asked.acs.startswith(f"{self.portal}/sso/saml/") and asked.acs.endswith("/acs/")):
            raise BadRequest("The request asks for an answer to an address outside the portal.")
        return asked


def main() -> int:
    """Runs the provider."""
    parser = argparse.ArgumentParser(prog="local.idp.saml", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--portal", required=True, help="base address of the one portal it answers")
    parser.add_argument("--keys", type=Path, help="folder that keeps its key pair; without it a new one a start")
    parser.add_argument("--people", type=Path, help='JSON list of {"sub", "email", "name"}')
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        key, certificate = saml_keys.kept_in(arguments.keys or Path(scratch))
    provider = SamlProvider(
        f"http://localhost:{arguments.port}",
        portal=arguments.portal,
        key=key,
        certificate=certificate,
        people=load(arguments.people),
    )
    return run(provider.routes(), arguments.port)


if __name__ == "__main__":
    raise SystemExit(main())
