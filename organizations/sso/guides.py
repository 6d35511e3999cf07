"""
How to set up the identity providers that most organizations have, step by step.

A step names values of the connection: the wizard shows them to be copied, and `docs/sso/`, which `manage.py
write_guides` writes from here, says which they are. Menus are those that the providers' own documentation names.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from organizations.sso.models import Connection
from organizations.sso.oidc.provider import redirect_address
from organizations.sso.saml import service_provider

# What a step can fill in, and what it is called.
VALUES = {
    "acs_url": "ACS address",
    "entity_id": "entity id",
    "metadata_url": "metadata",
    "redirect_uri": "redirect address",
    "sign_in_page": "sign-in page",
}


@dataclass(frozen=True)
class Step:
    """One step: what to do, and which values to copy there, as (the provider's name for it, one of VALUES)."""

    text: str
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Guide:
    """One provider, with the steps of each protocol ("saml", "oidc") that it is worth connecting by."""

    key: str
    name: str
    about: str
    steps: Mapping[str, tuple[Step, ...]]
    notes: tuple[str, ...] = ()


ENTRA = Guide(
    "entra-id",
    "Microsoft Entra ID",
    "SAML or OpenID Connect. Groups arrive as object ids.",
    {
        "saml": (
            Step(
                "In the Entra admin center open Enterprise applications, New application, Create your own application,"
                " and choose the one that is not in the gallery."
            ),
            Step(
                "Under Single sign-on choose SAML. In Basic SAML Configuration enter:",
                (
                    ("Identifier (Entity ID)", "entity_id"),
                    ("Reply URL (Assertion Consumer Service URL)", "acs_url"),
                    ("Sign on URL", "sign_in_page"),
                ),
            ),
            Step(
                "In Attributes & Claims set the Unique User Identifier to user.objectid with the format Persistent,"
                " add a claim named email from user.mail and one named name from user.displayname."
            ),
            Step(
                "Still there, add a group claim: Groups assigned to the application, source attribute Group ID. Beyond"
                " 150 groups Entra ID sends a link instead of groups; assigned groups keep below that."
            ),
            Step("Under Users and groups assign the people and groups who may sign in."),
            Step(
                "Copy the App Federation Metadata Url from SAML Certificates and give it to us as the metadata address."
            ),
        ),
        "oidc": (
            Step(
                "In the Entra admin center open App registrations, New registration, accounts in this directory only,"
                " platform Web, and enter:",
                (("Redirect URI", "redirect_uri"),),
            ),
            Step(
                "From Overview copy the Application (client) ID. The issuer is https://login.microsoftonline.com/ "
                "followed"
                " by the Directory (tenant) ID and /v2.0."
            ),
            Step(
                "Under Certificates & secrets make a client secret and copy its Value, which is shown once. It ends: "
                "note"
                " when, and renew it here before. Both are tried until the new one has worked."
            ),
            Step("Under Token configuration add the optional ID claim email, and a groups claim of assigned groups."),
        ),
    },
    ("A person's address comes from the attribute mail. People without one are refused, and the test says so.",),
)
OKTA = Guide(
    "okta",
    "Okta",
    "SAML or OpenID Connect. Groups arrive by name.",
    {
        "saml": (
            Step("In the Okta admin console open Applications, Create App Integration, SAML 2.0."),
            Step(
                "Under SAML Settings enter:",
                (("Single sign-on URL", "acs_url"), ("Audience URI (SP Entity ID)", "entity_id")),
            ),
            Step("Set Name ID format to Persistent and Application username to Okta username."),
            Step("Add the attribute statements email = user.email and name = user.displayName."),
            Step("Add a group attribute statement named groups with a filter, for example Matches regex .* for all."),
            Step("Assign people under Assignments. From Sign On copy the Metadata URL and give it to us."),
        ),
        "oidc": (
            Step(
                "In the Okta admin console open Applications, Create App Integration, OIDC, Web Application, and "
                "enter:",
                (("Sign-in redirect URI", "redirect_uri"),),
            ),
            Step("Copy the Client ID and a client secret. The issuer is your Okta address, https://….okta.com."),
            Step(
                "Under Sign On, OpenID Connect ID Token, add a groups claim with a filter. Here, add the scope "
                "groups to"
                " those that are asked for."
            ),
            Step("Assign people under Assignments."),
        ),
    },
)
GOOGLE = Guide(
    "google-workspace",
    "Google Workspace",
    "SAML. Metadata come as a file.",
    {
        "saml": (
            Step("In the Admin console open Apps, Web and mobile apps, Add app, Add custom SAML app."),
            Step("Download the metadata file, and give it to us as a file below: Google publishes no address for it."),
            Step("Under Service provider details enter:", (("ACS URL", "acs_url"), ("Entity ID", "entity_id"))),
            Step("Set Name ID format to PERSISTENT and Name ID to Basic Information, Primary email."),
            Step(
                "Under Attribute mapping map Primary email to email. Under Group membership choose groups and name the"
                " app attribute groups."
            ),
            Step("Turn the app on for the people who may sign in. Google can take some hours for that."),
        ),
    },
    (
        "The NameID is the primary address. Somebody whose address changes is somebody new: let them tie their sign-in"
        " again.",
        "Google's signing certificate lasts five years. Add the next one here before you make it active there.",
    ),
)
KEYCLOAK = Guide(
    "keycloak",
    "Keycloak",
    "SAML or OpenID Connect, with groups or realm roles.",
    {
        "saml": (
            Step(
                "In your realm open Clients, Create client, type SAML, and enter:",
                (
                    ("Client ID", "entity_id"),
                    ("Valid redirect URIs", "acs_url"),
                    ("Master SAML Processing URL", "acs_url"),
                ),
            ),
            Step(
                "In Settings set Name ID format to persistent, switch Sign assertions on, and Client signature required"
                " off, unless you switch on signed requests here and load our certificate there."
            ),
            Step(
                "In the client's dedicated scope add mappers: User Attribute Mapper for email (SAML attribute name "
                "email),"
                " and Group list (group attribute name groups, Full group path off)."
            ),
            Step("Give us as metadata address: https://<host>/realms/<realm>/protocol/saml/descriptor"),
        ),
        "oidc": (
            Step(
                "In your realm open Clients, Create client, type OpenID Connect, Client authentication on, Standard "
                "flow"
                " only, and enter:",
                (("Valid redirect URIs", "redirect_uri"),),
            ),
            Step("Copy the client id, and the secret from Credentials. The issuer is https://<host>/realms/<realm>."),
            Step(
                "In the client's dedicated scope add a Group Membership mapper: token claim name groups, Full group "
                "path"
                "off, added to the ID token and to userinfo. Realm roles arrive as realm_access.roles if you map "
                "those."
            ),
        ),
    },
)
GUIDES: dict[str, Guide] = {guide.key: guide for guide in (ENTRA, OKTA, GOOGLE, KEYCLOAK)}


def values_of(connection: Connection) -> dict[str, str]:
    """What the steps fill in for one connection."""
    sign_in = service_provider.absolute("connection", connection)
    if not connection.is_saml:
        return {"redirect_uri": redirect_address(connection.pk), "sign_in_page": sign_in}
    return {
        "acs_url": service_provider.acs_url(connection),
        "entity_id": service_provider.entity_id(connection),
        "metadata_url": service_provider.entity_id(connection),
        "sign_in_page": sign_in,
    }


def filled(guide: Guide, kind: str, values: Mapping[str, str]) -> list[dict[str, object]]:
    """A guide's steps with a connection's values, as rows for a page. A value that is not known yet is left out."""
    return [
        {"text": step.text, "values": [(label, values[name]) for label, name in step.values if name in values]}
        for step in guide.steps.get(kind, ())
    ]


def as_markdown(guide: Guide) -> str:
    """One page of `docs/sso/`."""
    names = {"saml": "SAML", "oidc": "OpenID Connect"}
    parts = [
        f"# {guide.name}",
        f"{guide.about} {settings.BRAND} shows these steps with your own values, on the page of the connection.",
    ]
    for kind, steps in guide.steps.items():
        parts.append(f"## {names[kind]}")
        parts.append("\n".join(_markdown_step(number, step) for number, step in enumerate(steps, 1)))
    if guide.notes:
        parts.append("## Good to know")
        parts.append("\n".join(f"- {note}" for note in guide.notes))
    parts.append("Then open **Test sign-in** on the connection's page: it runs the whole sign-in and changes nothing.")
    return "\n\n".join(parts) + "\n"


def _markdown_step(number: int, step: Step) -> str:
    lines = [f"{number}. {step.text}"]
    lines += [f"   - {label}: our {VALUES[name]}" for label, name in step.values]
    return "\n".join(lines)
