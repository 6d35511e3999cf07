"""Whom the stand-in providers know."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from local.web.messages import BadRequest


@dataclass(frozen=True)
class Person:
    """Somebody who can be picked. `sub` never changes; the address may be said to be unverified."""

    sub: str
    email: str
    name: str
    email_verified: bool = True


def load(path: Path | None) -> list[Person]:
    """People of a JSON file: a list of {"sub", "email", "name"}. No file, no list to pick from."""
    if path is None:
        return []
    return [Person(str(row["sub"]), str(row["email"]), str(row["name"])) for row in json.loads(path.read_text())]


def picked(people: list[Person], form: dict[str, str]) -> Person:
    """
    The person that a form chose: `person` names a listed one by sub or address, `email` (and `name`) anybody else.

    `unverified` says that the address was never checked.
    """
    wanted = form.get("person", "")
    for person in people:
        if wanted and wanted in (person.sub, person.email):
            return person
    email = form.get("email", "").strip()
    if "@" not in email:
        raise BadRequest("Pick a person, or give an e-mail address.")
    known = next((person for person in people if person.email == email), None)
    sub = known.sub if known else hashlib.sha256(email.lower().encode()).hexdigest()[:20]
    name = form.get("name", "").strip() or (known.name if known else email.partition("@")[0].title())
    return Person(sub, email, name, email_verified="unverified" not in form)
