"""What the world holds of clients: templates, imports and reports about them."""

from datetime import timedelta

from django.utils import timezone

from controlplane import rls
from fleet.models import ClientImport, ClientImportLine, ClientTemplate, ClientTemplateVersion, TemplateUse
from fleet.onboarding.wanted import Wanted
from fleet.reports import links as report_links
from fleet.reports import making
from fleet.reports import plans as report_plans
from fleet.reports.models import Report
from organizations.models import (
    Grant,
    Organization,
    User,
)
from tests.cast import actor_for, found, person
from tests.database import all_rows
from tests.isolation.canary import CANARY


def twig_of(acme: Organization) -> Organization:
    """A client that Acme has although it is no MSP: what is of clients then has something to show."""
    client = found(person("gil"), f"Twig {CANARY}")
    with all_rows():
        review_at = timezone.now() + timedelta(days=90)
        Grant.objects.create(msp=acme, client=client, role_ceiling="viewer", review_at=review_at)
    return client


def fleet_of(owner: User, organization: Organization, client: Organization) -> dict[str, str]:
    """What an organization has about one that it manages."""
    with all_rows():
        template = ClientTemplate.objects.create(
            organization=organization, name=f"Template {CANARY}", settings={"ring": "early"}
        )
        ClientTemplateVersion.objects.create(
            organization=organization, template=template, number=1, name=template.name, note=CANARY, created_by=owner.pk
        )
        reason = {"reason": CANARY, "by": owner.pk, "at": timezone.now().isoformat()}
        TemplateUse.objects.create(
            organization=organization,
            client=client,
            template=template,
            overrides={"backups": {"value": None, **reason}},
        )
        batch = ClientImport.objects.create(
            organization=organization, name=CANARY, state="finished", created_by=owner.pk, acts_as=owner.pk
        )
        wanted = Wanted(f"Line {CANARY}", external_id="crm-1").as_json()
        ClientImportLine.objects.create(
            organization=organization, batch=batch, number=2, wanted=wanted, state="failed", reason=CANARY
        )
    return {"import_id": batch.pk, "template_id": template.pk, "client_id": client.pk, "setting": "backups"}


def reports_of(owner: User, organization: Organization) -> dict[str, str]:
    """A planned report, one that was issued with the names of tenants, its public link, and an address."""
    actor, now = actor_for(owner), timezone.now()
    with rls.acting_as(actor.rls_actor):
        terms = report_plans.Terms(name=f"Report {CANARY}", parts=["summary"])
        plan = report_plans.create(by=actor, organization=organization, terms=terms)
        span = (now - timedelta(days=400), now)
        figures = making.figures(actor, organization, clients=[], parts=["summary"], span=span, zone="UTC")
        report = Report.objects.create(
            organization=organization,
            plan=plan,
            name=plan.name,
            begins_at=span[0],
            ends_at=span[1],
            time_zone="UTC",
            figures=figures,
            issued_as=owner.pk,
        )
        link, _ = report_links.make(by=actor, report=report, days=1)
        address = report_plans.allow_address(by=actor, organization=organization, email=f"a@{CANARY}.example")
    ids = {"plan_id": plan.pk, "report_id": report.pk, "report_link_id": link.pk}
    return ids | {"address_id": address.pk}
