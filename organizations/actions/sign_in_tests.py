"""
Test sign-ins: the real protocol to its end, where the answer is shown instead of used.

Nobody is signed in by one, nobody is made, and nothing of the organization changes but the row that tells of the test.
"""

from django.db.models import QuerySet
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import NotFound
from organizations.access import require
from organizations.actions import trail
from organizations.actions.sign_in_trail import as_known_to
from organizations.models import Connection, Organization, SignInTest
from organizations.sso.proven import ProvenIdentity, SignInRefused, no_address

KEPT = 5


def begin(*, by: Actor, organization: Organization, connection: Connection, test_id: str, key: str) -> SignInTest:
    """Note a test that is on its way. Args: key: what the answer has to carry (OIDC state, SAML request id)."""
    require(by, "sso.manage", organization)
    with rls.acting_as(f"org:{organization.pk}"):
        older = SignInTest.objects.filter(connection=connection).values_list("id", flat=True)[KEPT - 1 :]
        SignInTest.objects.filter(id__in=list(older)).delete()
        return SignInTest.objects.create(
            id=test_id, organization=organization, connection=connection, tested_by_id=by.user_id, key=key
        )


def record(*, by: Actor, connection: Connection, test_id: str, identity: ProvenIdentity) -> SignInTest:
    """
    Keep what the provider proved. Only for the administrator who began it, and who may still manage sign-in.

    Raises SignInRefused for anybody else: a test must not show one person's claims to another.
    """
    require(by, "sso.manage", connection.organization_id)
    refusal = None if identity.email else no_address(connection.kind, identity.email_problem)
    with rls.acting_as(f"org:{connection.organization_id}"):
        test = _running(connection).filter(pk=test_id, tested_by_id=by.user_id).first()
        if test is None:
            raise interrupted()
        test.uid, test.claims, test.email_disputed = identity.uid, dict(identity.claims), identity.email_disputed
        _end(by, test, refusal)
    return test


def refuse(*, by: Actor, connection: Connection, refusal: SignInRefused, test_id: str = "", key: str = "") -> bool:
    """
    Keep why an answer was refused, if it answers a test: by the id that the browser's session holds, or by its key.

    The key comes out of a message that is not valid. It can't be guessed, and what it leads to is only a reason.
    """
    wanted = {"pk": test_id} if test_id else {"key": key}
    if not (test_id or key):
        return False
    with rls.acting_as(f"org:{connection.organization_id}"):
        test = _running(connection).filter(**wanted).first()
        if test is None:
            return False
        _end(as_known_to(by, connection.organization_id), test, refusal)
    return True


def is_awaited(connection: Connection, key: str) -> bool:
    """Whether a test waits for the answer to this request."""
    with rls.reading_as(f"org:{connection.organization_id}"):
        return _running(connection).filter(key=key).exists()


def latest(actor: Actor, organization: Organization, connection: Connection) -> SignInTest | None:
    """The newest test that ended, or the one under way; None before the first."""
    require(actor, "sso.manage", organization)
    if connection.organization_id != organization.pk:
        raise NotFound
    tests = SignInTest.objects.filter(connection=connection).select_related("tested_by")
    return tests.exclude(outcome=SignInTest.Outcome.RUNNING).first() or tests.first()


def interrupted() -> SignInRefused:
    """The refusal where the test is not this person's, or has ended."""
    return SignInRefused(
        "TEST_INTERRUPTED",
        "The answer belongs to no test that this person began and that still runs.",
        told="This test is over, or somebody else began it.",
        hint="Begin it again from the connection's page. Nothing was changed.",
    )


def _running(connection: Connection) -> QuerySet[SignInTest]:
    return SignInTest.objects.filter(connection=connection, outcome=SignInTest.Outcome.RUNNING)


def _end(by: Actor, test: SignInTest, refusal: SignInRefused | None) -> None:
    test.outcome = SignInTest.Outcome.REFUSED if refusal else SignInTest.Outcome.PASSED
    test.code, test.reason = (refusal.code, refusal.reason[:500]) if refusal else ("", "")
    test.ended_at = timezone.now()
    test.save()
    told = {"outcome": test.outcome, "code": test.code, "reason": test.reason}
    trail.record(by, test.organization_id, "organizations.connection.test", test.connection_id, **told)
