"""Names of people for pages that tell who did something."""

from collections.abc import Iterable

from organizations.models import User


def names_of(user_ids: Iterable[str]) -> dict[str, str]:
    """Names by id. Row-level security leaves out whom the asker may not see; pages then show the id."""
    wanted = {user_id for user_id in user_ids if user_id}
    return {person.pk: str(person) for person in User.objects.filter(pk__in=wanted)} if wanted else {}
