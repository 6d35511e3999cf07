"""Celery's entry points of this room."""

from celery import Task, shared_task
from django.db.models import Model
from django.utils import timezone

from controlplane import rls
from controlplane.celery import wake
from organizations import retention
from organizations.actions import domains, expiry, hostnames, reviews, senders
from organizations.models import Domain, Hostname, MailSender

BEAT_SCHEDULE = {
    "forget-spent-sign-in-rows": {"task": "organizations.tasks.forget_spent_rows", "schedule": 3600.0},
    "look-for-domain-proofs": {"task": "organizations.tasks.look_for_domain_proofs", "schedule": 60.0},
    "look-for-hostnames": {"task": "organizations.tasks.look_for_hostnames", "schedule": 60.0},
    "look-for-mail-senders": {"task": "organizations.tasks.look_for_mail_senders", "schedule": 60.0},
    "look-for-reviews": {"task": "organizations.tasks.look_for_reviews", "schedule": 600.0},
    "warn-of-certificates": {"task": "organizations.tasks.warn_of_certificates", "schedule": 3600.0},
}
LOOKS_AT_ONCE = 100


@shared_task
def forget_spent_rows() -> None:
    """Removes what sign-in and sign-up left behind and nobody can use any more."""
    retention.forget_spent_rows()
    retention.forget_unfinished_sign_ups()


@shared_task
def look_for_domain_proofs() -> None:
    """Wakes a look at each domain that is due: a task of its own each, so that a slow name server delays no other."""
    _wake_each(look_for_domain_proof, "organizations_domains_due", Domain, "organization_id", "id")


@shared_task
def look_for_domain_proof(organization_id: str, domain_id: str) -> None:
    """Looks for the record of one domain."""
    domains.check_due(organization_id, domain_id)


@shared_task
def look_for_hostnames() -> None:
    """Wakes a look at each host name that is due, each in a task of its own."""
    _wake_each(look_for_hostname, "organizations_hostnames_due", Hostname, "organization_id", "id")


@shared_task
def look_for_hostname(organization_id: str, hostname_id: str) -> None:
    """Looks for the record of one host name."""
    hostnames.check_due(organization_id, hostname_id)


@shared_task
def look_for_mail_senders() -> None:
    """Wakes a look at each address that mails are to come from and that is due, each in a task of its own."""
    _wake_each(look_for_mail_sender, "organizations_mail_senders_due", MailSender, "organization_id")


@shared_task
def look_for_mail_sender(organization_id: str) -> None:
    """Looks whether DNS allows one organization's address."""
    senders.check_due(organization_id)


@shared_task
def warn_of_certificates() -> None:
    """Warns of providers' certificates that end soon."""
    now = timezone.now()
    for row in expiry.certificates_due(now):
        expiry.warn_of_certificate(row["organization_id"], row["id"], now)


@shared_task
def look_for_reviews() -> None:
    """Tells of access that is to be reviewed, and ends what nobody reviewed or whose time is over."""
    now = timezone.now()
    for row in reviews.due(now):
        reviews.look(row["organization_id"], row["id"], now)


def _wake_each(task: Task, function: str, kind: type[Model], *names: str) -> None:
    """
    Wakes a task for each row that is due to be looked at.

    Args: function: of the database, which finds them past row-level security; names: the task's arguments, as columns.
    """
    now = timezone.now()
    due = kind._default_manager.filter(next_look_at__lte=now).order_by("next_look_at").values(*names)
    with rls.acting_as(""):
        rows = rls.call(function, now, LOOKS_AT_ONCE, otherwise=lambda: list(due[:LOOKS_AT_ONCE]))
    for row in rows:
        wake(task, *(row[name] for name in names), queue="bulk")
