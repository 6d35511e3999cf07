"""What an enrollment token may be."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence

from controlplane.problems import Invalid

DEFAULT_LIFE, LONGEST_LIFE = dt.timedelta(days=30), dt.timedelta(days=365)
DEFAULT_USES, MOST_USES = 50, 100_000
MOST_GROUPS, MOST_LABELS, LONGEST_LABEL = 16, 16, 64
LONGEST_NAME, LONGEST_REASON = 80, 200
DEFAULT_OVERLAP, LONGEST_OVERLAP = dt.timedelta(days=1), dt.timedelta(days=30)

# "all" is a manager's word for every group, and dots alone would be steps in a path of its API
GROUP = re.compile(r"(?!(\.{1,2}|all)\Z)[A-Za-z0-9._-]{1,128}\Z")
LABEL = re.compile(r"[a-z0-9_.-]{1,32}\Z")
# they are written into the XML that agents read, by parsers that differ in what they make of an entity
NEVER_IN_LABELS = re.compile(r"""[<>&"'\\]""")


def check_token(
    *,
    name: str,
    expires_in: dt.timedelta,
    max_uses: int,
    groups: Sequence[str],
    labels: Mapping[str, str],
    site: str = "",
) -> None:
    """Raise Invalid, naming the field, for what no token may be."""
    check_text("name", name, LONGEST_NAME)
    if not dt.timedelta(0) < expires_in <= LONGEST_LIFE:
        raise Invalid("A token lives for 1 to 365 days.", field="expires_in_days")
    if not 1 <= max_uses <= MOST_USES:
        raise Invalid(f"A token can be used 1 to {MOST_USES} times.", field="max_uses")
    check_groups(groups)
    _check_labels(labels)
    _check_site(site, labels)


def check_overlap(overlap: dt.timedelta) -> None:
    """Raise Invalid unless a rotated token may go on for so long."""
    if not dt.timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise Invalid(f"A rotated token works for 0 to {LONGEST_OVERLAP.days * 24} hours more.", field="overlap_hours")


def check_reason(reason: str) -> None:
    """Raise Invalid unless a reason was given in a few words."""
    check_text("reason", reason, LONGEST_REASON)


def check_text(field: str, text: str, longest: int) -> None:
    """Raise Invalid unless a text is a line of 1 to so many printable characters."""
    if not text.strip() or len(text) > longest or not text.isprintable():
        raise Invalid(f"Expected 1 to {longest} printable characters.", field=field)


def check_groups(groups: Sequence[str]) -> None:
    """Raise Invalid unless a manager takes all of them as groups."""
    fine = len(groups) <= MOST_GROUPS and all(GROUP.match(group) for group in groups)
    if not fine or len(set(groups)) < len(groups):
        raise Invalid(
            f"Expected at most {MOST_GROUPS} different group names of letters, digits, dot, dash and underscore.",
            field="groups",
        )


def _check_labels(labels: Mapping[str, str]) -> None:
    fine = all(LABEL.match(name) and 0 < len(text) <= LONGEST_LABEL for name, text in labels.items())
    plain = all(text.isprintable() and not NEVER_IN_LABELS.search(text) for text in labels.values())
    if len(labels) > MOST_LABELS or not fine or not plain:
        raise Invalid(
            f"Expected at most {MOST_LABELS} labels, names of a-z, 0-9, dot, dash and underscore, texts of 1 to"
            f" {LONGEST_LABEL} printable characters and none of < > & \" ' \\.",
            field="labels",
        )


def _check_site(site: str, labels: Mapping[str, str]) -> None:
    if len(site) > LONGEST_LABEL or not site.isprintable() or NEVER_IN_LABELS.search(site) or site != site.strip():
        raise Invalid(
            f"Expected at most {LONGEST_LABEL} printable characters and none of < > & \" ' \\.",
            field="site",
        )
    if site and "site" in labels:
        raise Invalid("The site is given twice: as site and as a label. Leave one of them out.", field="site")
