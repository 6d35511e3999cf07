"""
The attributes of users and groups (RFC 7643 §4.1 and §4.2), as far as they are kept here, and the reading of them.

What is kept is what is used: who somebody is, how they are reached, and whether they belong. Other attributes of the
standard (phone numbers, photos, employee data) are taken without complaint and forgotten at once.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from organizations.scim.errors import invalid

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
LONGEST = 255
MOST_EMAILS = 20
MOST_MEMBERS = 5000

type Resource = dict[str, Any]


@dataclass(frozen=True)
class Attribute:
    """One attribute of a schema. `most` bounds how many values a multi-valued one has; `parts` are its own."""

    name: str
    description: str = ""
    type: str = "string"
    most: int = 0
    required: bool = False
    exact: bool = False
    read_only: bool = False
    immutable: bool = False
    unique: bool = False
    returned: str = "default"
    parts: tuple["Attribute", ...] = ()

    @property
    def is_many(self) -> bool:
        return self.most > 0

    def part(self, name: str) -> "Attribute | None":
        """The sub-attribute of that name, whatever its case."""
        return named(self.parts, name)


COMMON = (
    Attribute("id", read_only=True, exact=True, returned="always"),
    Attribute("externalId", exact=True),
    Attribute(
        "meta",
        type="complex",
        read_only=True,
        parts=(
            Attribute("resourceType", exact=True, read_only=True),
            Attribute("created", type="dateTime", read_only=True),
            Attribute("lastModified", type="dateTime", read_only=True),
            Attribute("location", type="reference", read_only=True),
            Attribute("version", exact=True, read_only=True),
        ),
    ),
)
USER_ATTRIBUTES = (
    Attribute("userName", "What the person is called in the directory; unique in it.", required=True, unique=True),
    Attribute(
        "name",
        "The parts of the person's name.",
        type="complex",
        parts=(Attribute("formatted", "The whole name."), Attribute("familyName"), Attribute("givenName")),
    ),
    Attribute("displayName", "The name that is shown."),
    Attribute("active", "Whether the person belongs. False ends sessions and keys at once.", type="boolean"),
    Attribute(
        "emails",
        "Addresses. They are labels: no account is found by them.",
        type="complex",
        most=MOST_EMAILS,
        parts=(
            Attribute("value"),
            Attribute("display"),
            Attribute("type", "work, home or other."),
            Attribute("primary", type="boolean"),
        ),
    ),
    Attribute(
        "groups",
        "The groups that the person is in; changed by way of the groups.",
        type="complex",
        most=1_000_000,
        read_only=True,
        parts=(
            Attribute("value", exact=True, read_only=True),
            Attribute("$ref", type="reference", read_only=True),
            Attribute("display", read_only=True),
            Attribute("type", read_only=True),
        ),
    ),
)
GROUP_ATTRIBUTES = (
    Attribute("displayName", "The group's name; unique in the directory.", required=True, unique=True),
    Attribute(
        "members",
        "Users of this directory. Groups within groups are not taken.",
        type="complex",
        most=MOST_MEMBERS,
        parts=(
            Attribute("value", "Id of the user.", exact=True, immutable=True),
            Attribute("$ref", type="reference", immutable=True),
            Attribute("display", read_only=True),
            Attribute("type", "Always User.", immutable=True),
        ),
    ),
)
# Of RFC 7643 §4.1, not kept.
FORGOTTEN = frozenset(
    {
        *("nickname", "profileurl", "title", "usertype", "preferredlanguage", "locale", "timezone", "password"),
        *("phonenumbers", "ims", "photos", "addresses", "entitlements", "roles", "x509certificates", "schemas"),
        *("honorificprefix", "honorificsuffix", "middlename"),
    }
)


def named(attributes: Iterable[Attribute], name: str) -> Attribute | None:
    """The attribute of that name. Names have no case (RFC 7643 §2.1)."""
    wanted = name.casefold()
    return next((each for each in attributes if each.name.casefold() == wanted), None)


def tidied(attributes: Iterable[Attribute], given: Mapping[str, Any], where: str = "") -> Resource:
    """
    What was given in its canonical form: known names in their case, values of their types, nothing that is unassigned.

    What is read-only or unknown is left out (RFC 7644 §3.3). Raises ScimProblem naming the attribute.
    """
    known, tidy = tuple(attributes), {}
    for name, value in given.items():
        attribute = named(known, name)
        if attribute is None or attribute.read_only or value is None or value == []:
            continue
        path = f"{where}.{attribute.name}" if where else attribute.name
        if attribute.name in tidy:
            raise invalid(path, "it is named twice, in different case.")
        found = _many(attribute, value, path) if attribute.is_many else tidy_value(attribute, value, path)
        if found not in ({}, []):
            tidy[attribute.name] = found
    return tidy


def tidy_value(attribute: Attribute, value: Any, where: str) -> Any:
    """One value of an attribute's type. Raises ScimProblem."""
    return READERS[attribute.type](attribute, value, where)


def _many(attribute: Attribute, value: Any, where: str) -> list[Any]:
    values = value if isinstance(value, list) else [value]
    if len(values) > attribute.most:
        raise invalid(where, f"at most {attribute.most} values are taken.")
    found = [tidy_value(attribute, each, f"{where}[{n}]") for n, each in enumerate(values)]
    kept = [each for each in found if each.get("value")]
    if sum(each.get("primary", False) for each in kept) > 1:
        raise invalid(where, "only one value can be primary.")
    return kept


def _text(attribute: Attribute, value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise invalid(where, "a text is needed.")
    if len(value) > LONGEST or (attribute.required and not value.strip()):
        raise invalid(where, f"a text of 1 to {LONGEST} characters is needed.")
    return value


def _boolean(attribute: Attribute, value: Any, where: str) -> bool:
    # Entra ID sends "True" and "False" as texts.
    known = {"true": True, "false": False}
    found = value if isinstance(value, bool) else known.get(str(value).lower()) if isinstance(value, str) else None
    if found is None:
        raise invalid(where, "true or false is needed.")
    return found


def _complex(attribute: Attribute, value: Any, where: str) -> Resource:
    if isinstance(value, str) and attribute.is_many:
        value = {"value": value}
    if not isinstance(value, Mapping):
        raise invalid(where, "an object is needed.")
    return tidied(attribute.parts, value, where)


READERS: dict[str, Callable[[Attribute, Any, str], Any]] = {
    "string": _text,
    "reference": _text,
    "dateTime": _text,
    "boolean": _boolean,
    "complex": _complex,
}
