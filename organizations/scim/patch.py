"""
PATCH (RFC 7644 §3.5.2): operations on a resource in its canonical form, as the standard and as providers send them.

Entra ID writes operations in capitals, booleans as texts, and paths as names inside a value without a path. Okta sends
a group's id along. Removing what is not there is no error: the wish is fulfilled.
"""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from organizations.scim.attributes import FORGOTTEN, Attribute, Resource, named, tidied, tidy_value
from organizations.scim.errors import ScimProblem, invalid
from organizations.scim.filters import Both, Filter, Term, Within, matches, parsed, path_of

MOST_OPERATIONS = 1000
VERBS = ("add", "replace", "remove")
CORE = "urn:ietf:params:scim:schemas:core:2.0:"


@dataclass(frozen=True)
class Target:
    """Where an operation works: an attribute, the values of it that fulfil `chosen`, and a part of each."""

    attribute: Attribute
    chosen: Filter | None = None
    part: Attribute | None = None


def patched(resource: Resource, body: Mapping[str, Any], attributes: Iterable[Attribute]) -> Resource:
    """The resource after all operations; the one given stays as it is. Raises ScimProblem, and nothing was changed."""
    known, result = tuple(attributes), copy.deepcopy(resource)
    for operation in _operations(body):
        verb = str(operation.get("op", "")).lower()
        if verb not in VERBS:
            raise ScimProblem("invalidSyntax", f"op: one of {', '.join(VERBS)} is needed.")
        _apply(result, verb, operation, known)
    return result


def _operations(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = next((value for name, value in body.items() if name.lower() == "operations"), None)
    if not isinstance(found, list) or not found or not all(isinstance(each, dict) for each in found):
        raise ScimProblem("invalidSyntax", "Operations: a list of operations is needed.")
    if len(found) > MOST_OPERATIONS:
        raise ScimProblem("tooMany", f"At most {MOST_OPERATIONS} operations are taken in one request.")
    return found


def _apply(result: Resource, verb: str, operation: Mapping[str, Any], known: tuple[Attribute, ...]) -> None:
    path, value = operation.get("path"), operation.get("value")
    if path is not None and not isinstance(path, str):
        raise ScimProblem("invalidPath", "path: a text is needed.")
    if path:
        _at_path(result, verb, path, value, known)
    elif verb == "remove":
        raise ScimProblem("noTarget", "remove needs a path.")
    elif isinstance(value, dict):
        _without_path(result, verb, value, known)
    else:
        raise invalid("value", "without a path, an object of attributes is needed.")


def _without_path(result: Resource, verb: str, value: Mapping[str, Any], known: tuple[Attribute, ...]) -> None:
    for name, inner in value.items():
        if name.lower().startswith(CORE) and isinstance(inner, dict):
            _without_path(result, verb, inner, known)
        elif isinstance(inner, dict) and name.lower().startswith("urn:"):
            continue  # an extension, which is not kept
        else:
            attribute = named(known, name)
            # Sent along to say whom it is about; the address says that.
            if attribute is None or not attribute.read_only:
                _at_path(result, verb, name, inner, known)


def _at_path(result: Resource, verb: str, path: str, value: Any, known: tuple[Attribute, ...]) -> None:
    target = _target(path, known)
    if target is None:
        return
    if target.attribute.read_only or (target.part and target.part.read_only):
        raise ScimProblem("mutability", f"{path[:80]} can't be changed.")
    if target.attribute.is_many:
        _on_many(result, verb, target, value, path)
    else:
        _on_one(result, verb, target, value, path)


def _target(path: str, known: tuple[Attribute, ...]) -> Target | None:
    """What a path names; None for an attribute of the standard that is not kept here."""
    if path.lower().startswith("urn:") and not path.lower().startswith(CORE):
        return None
    try:
        chosen, rest = _bracket(path)
        names = path_of(rest)
    except ScimProblem as problem:
        raise ScimProblem("invalidPath", problem.detail) from problem
    attribute = named(known, names[0])
    if attribute is None:
        if names[0] in FORGOTTEN:
            return None
        raise ScimProblem("invalidPath", f"There is no attribute “{path[:80]}”.")
    part = attribute.part(names[1]) if len(names) > 1 else None
    if len(names) > 1 and part is None:
        if names[1] in FORGOTTEN:
            return None
        raise ScimProblem("invalidPath", f"There is no attribute “{path[:80]}”.")
    if chosen is not None and not attribute.is_many:
        raise ScimProblem("invalidPath", f"{attribute.name} has one value, so none can be chosen.")
    return Target(attribute, chosen, part)


def _bracket(path: str) -> tuple[Filter | None, str]:
    """`emails[type eq "work"].value` → the filter, and `emails.value`."""
    start, end = path.find("["), path.rfind("]")
    if start < 0:
        return None, path
    found = parsed(path[: end + 1])
    if not isinstance(found, Within):
        raise ScimProblem("invalidPath", f"“{path[:80]}” is no path.")
    return found.inner, path[:start] + path[end + 1 :]


def _on_one(result: Resource, verb: str, target: Target, value: Any, path: str) -> None:
    name, part = target.attribute.name, target.part
    if verb == "remove" or value is None:
        if part:
            result.get(name, {}).pop(part.name, None)
        else:
            result.pop(name, None)
    elif part:
        result.setdefault(name, {})[part.name] = tidy_value(part, value, path)
    elif target.attribute.parts:
        result.setdefault(name, {}).update(tidy_value(target.attribute, value, path))
    else:
        result[name] = tidy_value(target.attribute, value, path)


def _on_many(result: Resource, verb: str, target: Target, value: Any, path: str) -> None:
    present: list[Resource] = result.setdefault(target.attribute.name, [])
    if target.chosen is None and target.part is None:
        result[target.attribute.name] = _whole(verb, target.attribute, present, value)
        return
    chosen = target.chosen
    found = [each for each in present if chosen is None or matches(chosen, each, target.attribute.parts)]
    if verb == "remove" or value is None:
        result[target.attribute.name] = _without(present, found, target.part)
        return
    if not found:
        if verb == "replace" or target.chosen is None:
            raise ScimProblem("noTarget", f"Nothing is there that “{path[:80]}” names.")
        # What is added where nothing fits yet is what the filter describes.
        found = [_described(target.chosen, target.attribute)]
        present.extend(found)
    for each in found:
        if target.part:
            each[target.part.name] = tidy_value(target.part, value, path)
        else:
            each.update(tidy_value(target.attribute, value, path))
        _only_primary(present, each)


def _whole(verb: str, attribute: Attribute, present: list[Resource], value: Any) -> list[Resource]:
    """All values after an operation without a filter."""
    given: list[Resource] = tidied((attribute,), {attribute.name: value}).get(attribute.name, [])
    if verb == "replace":
        return given
    if verb == "remove":
        gone = {each["value"] for each in given}
        return [] if value is None else [each for each in present if each.get("value") not in gone]
    held = {(each.get("value"), each.get("type")) for each in present}
    for each in given:
        if (each["value"], each.get("type")) not in held:
            present.append(each)
            _only_primary(present, each)
    return present


def _without(present: list[Resource], found: list[Resource], part: Attribute | None) -> list[Resource]:
    if part is None:
        return [each for each in present if not any(each is one for one in found)]
    for each in found:
        each.pop(part.name, None)
    return present


def _only_primary(present: list[Resource], chosen: Resource) -> None:
    """A new primary value takes the place of the former (RFC 7644 §3.5.2)."""
    if chosen.get("primary"):
        for each in present:
            if each is not chosen:
                each.pop("primary", None)


def _described(chosen: Filter, attribute: Attribute) -> Resource:
    """The value that a filter of equalities describes."""
    if isinstance(chosen, Both) and chosen.word == "and":
        return _described(chosen.left, attribute) | _described(chosen.right, attribute)
    part = attribute.part(chosen.path[0]) if isinstance(chosen, Term) else None
    if not isinstance(chosen, Term) or chosen.operator != "eq" or part is None:
        raise ScimProblem("noTarget", "Nothing fulfils the path's filter, and it does not say what to add.")
    return {part.name: tidy_value(part, chosen.value, attribute.name)}
