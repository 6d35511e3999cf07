"""How grave an alert is, by the level of its rule, in the classes of Wazuh's own dashboard."""

from django.db.models import TextChoices

from tenants.access.rows import HIGH_LEVEL, MEDIUM_LEVEL


class Severity(TextChoices):
    """From the gravest on."""

    CRITICAL = "critical", "Critical"
    HIGH = "high", "High"
    MEDIUM = "medium", "Medium"


LEVELS = {Severity.CRITICAL: 15, Severity.HIGH: HIGH_LEVEL, Severity.MEDIUM: MEDIUM_LEVEL}
"""The rule level from which on an alert is so grave; what is below all of them does not come into the inbox."""

WORTH_A_LOOK = min(LEVELS.values())


def severity_of(level: int) -> Severity:
    """The severity of a rule level that is worth a look."""
    return next((severity for severity, least in LEVELS.items() if level >= least), Severity.MEDIUM)


def at_least(severity: str) -> list[str]:
    """The severities that are as grave as one, or graver."""
    return [each.value for each, least in LEVELS.items() if least >= LEVELS[Severity(severity)]]
