"""
Bounds on how often something secret may be tried, or a mail be caused.

Counts are rows, not cache entries: a guesser gains nothing from a cache that is away. Each count is a transaction of
its own, so that a refusal which rolls the request back does not forget the try. What is counted says nothing about who
exists: an address that nobody has is counted like any other.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from controlplane.problems import Problem

MINUTES, HOURS = 60, 3600


@dataclass(frozen=True)
class Limit:
    """At most `most` times in `seconds`."""

    most: int
    seconds: int


LIMITS = {
    # An address from one place; from everywhere, so that many can't share the work; one place over all addresses.
    "password": Limit(10, 15 * MINUTES),
    "password.address": Limit(100, HOURS),
    "password.place": Limit(100, 15 * MINUTES),
    # Codes of an authenticator have a million values: whoever knows the password has ten tries, and thirty a day.
    "factor": Limit(10, 15 * MINUTES),
    "factor.day": Limit(30, 24 * HOURS),
    "passkey.place": Limit(120, 15 * MINUTES),
    "code.place": Limit(60, 15 * MINUTES),
    # Mails that somebody who is not signed in can cause.
    "mail": Limit(5, HOURS),
    "mail.place": Limit(40, HOURS),
    # Mails that one organization's people can cause.
    "invitation": Limit(100, 24 * HOURS),
    "invitation.again": Limit(3, HOURS),
    # What all organizations together send to one address.
    "invitation.address": Limit(20, 24 * HOURS),
    "access_request": Limit(100, 24 * HOURS),
    "access_request.address": Limit(5, 24 * HOURS),
    "join": Limit(20, HOURS),
    "sign_up.place": Limit(60, HOURS),
}

_COUNT = """
  INSERT INTO organizations_guesscount AS kept (key, count, began_at) VALUES (%s, 1, %s)
  ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN kept.began_at < %s THEN 1 ELSE kept.count + 1 END,
    began_at = CASE WHEN kept.began_at < %s THEN excluded.began_at ELSE kept.began_at END
  RETURNING count
"""


def count(kind: str, subject: str) -> None:
    """Counts one try of `kind` at `subject`. Raises a 429 Problem when it is one too many, the same for everybody."""
    limit = LIMITS[kind]
    now = timezone.now()
    since = now - timedelta(seconds=limit.seconds)
    key = salted_hmac("organizations.guess", f"{kind}:{subject.lower()}", algorithm="sha256").hexdigest()
    moments = [connection.ops.adapt_datetimefield_value(moment) for moment in (now, since, since)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_COUNT, [key, *moments])
        (used,) = cursor.fetchone()
    if used > limit.most:
        raise _too_many(limit)


def count_mail(place: str, address: str) -> None:
    """Counts a mail that somebody causes who need not be signed in: from each place, and for each recipient."""
    count("mail.place", place)
    count("mail", address)


def _too_many(limit: Limit) -> Problem:
    return Problem(
        "TOO_MANY_TRIES",
        status=429,
        title="Too many tries",
        detail="This was tried too often. Nothing was changed.",
        hint=f"Wait {limit.seconds // 60} minutes, then try again.",
        retry_after=limit.seconds,
    )
