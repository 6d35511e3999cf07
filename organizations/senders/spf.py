"""
Whether a domain lets the platform send its mail: the Sender Policy Framework, RFC 7208.

Only the domain's own record is read, for the one term that the operator names: `include:` with that name and no other
qualifier than `+`, before any `all`, behind which nothing counts (5.1). Whoever allows us otherwise is told to add it.
"""

from django.conf import settings

from organizations.domain_names.dns import Found, NotAsked, texts_at

VERSION = "v=spf1"


def look(domain: str) -> Found:
    """Asks DNS, outside any transaction, whether mail of `domain` may come from the platform."""
    try:
        return judged(texts_at(domain), settings.SPF_INCLUDE)
    except NotAsked as error:
        return Found(None, str(error))


def judged(texts: list[str], include: str) -> Found:
    """What a domain's TXT records say. Args: include: the name that its record has to include. Pure."""
    records = [text for text in texts if text.lower().split(" ")[0] == VERSION]
    if not records:
        return Found(False, "The domain has no SPF record.")
    if len(records) > 1:
        return Found(False, "The domain has several SPF records, so that none counts.")
    terms = records[0].lower().split()[1:]
    ending = next((number for number, term in enumerate(terms) if term.lstrip("+-~?") == "all"), len(terms))
    if {f"include:{include}", f"+include:{include}"} & {term.rstrip(".") for term in terms[:ending]}:
        return Found(True, "The SPF record includes ours.")
    return Found(False, f"The SPF record does not include {include}.")
