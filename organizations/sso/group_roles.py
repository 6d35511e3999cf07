"""Which role an identity provider's groups give: an ordered table, whose first match counts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from controlplane.problems import FieldError, Invalid
from organizations.sso.models import NO_ACCESS

MOST_RULES = 50
LONGEST_GROUP = 255

type Rules = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Verdict:
    """A role, or None for no access, and the group it comes from; an empty group means the default."""

    role: str | None
    group: str = ""


def verdict(rules: Rules, default: str, groups: Collection[str]) -> Verdict:
    """What somebody in `groups` may be."""
    held = frozenset(groups)
    for rule in rules:
        if rule["group"] in held:
            return Verdict(rule["role"], rule["group"])
    return Verdict(None if default == NO_ACCESS else default)


def checked_rules(rules: Rules, default: str, known: Collection[str]) -> list[dict[str, str]]:
    """
    The table, tidied. Raises Invalid naming each row that can't be used.

    Args: known: keys of the organization's roles.
    """
    errors, seen, tidy = [], set(), []
    for number, rule in enumerate(rules, 1):
        group, role = str(rule.get("group", "")).strip(), str(rule.get("role", ""))
        if not group or len(group) > LONGEST_GROUP or not group.isprintable():
            errors.append(
                FieldError("role_rules", f"Row {number}: name a group of at most {LONGEST_GROUP} characters.")
            )
        elif group in seen:
            errors.append(FieldError("role_rules", f"Row {number}: {group} stands higher up already."))
        if role not in known:
            errors.append(
                FieldError(f"role_rules.{number - 1}.role", f"Row {number}: choose one of this organization's roles.")
            )
        seen.add(group)
        tidy.append({"group": group, "role": role})
    if len(tidy) > MOST_RULES:
        errors.append(FieldError("role_rules", f"There are at most {MOST_RULES} rows."))
    if default not in known and default != NO_ACCESS:
        errors.append(FieldError("default_role", "Choose a role, or no access."))
    if errors:
        raise Invalid("The table of roles can't be used.", errors=errors)
    return tidy
