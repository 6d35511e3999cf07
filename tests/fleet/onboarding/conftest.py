"""Northwatch with a template, and what is counted after clients were brought in."""

import pytest

from controlplane import rls
from controlplane.models import Mail
from fleet.client_templates import actions as templates
from fleet.client_templates.models import TemplateUse
from fleet.onboarding import running, tasks
from fleet.onboarding.models import ClientImportLine
from fleet.onboarding.wanted import Wanted
from organizations.models import ClientName, Grant, Invitation, Organization
from tenants.enrollment.models import EnrollmentToken
from tenants.provisioning.models import Operation, Tenant
from tests.cast import actor_for
from tests.database import all_rows
from tests.fleet.client_templates.conftest import WINDOW
from tests.tenants.conftest import program_of

__all__ = ["program_of"]

WHOLE = Wanted("Juniper", "crm-1", "eu", tenant="Production", administrators=("ann@juniper.example",))
NAMES = "external_id,name,template,tenant,administrators"
TWO = f"{NAMES}\ncrm-1,Juniper,Offices,Production,ann@juniper.example\ncrm-2,Larch,,,\n"


@pytest.fixture
def as_paula(msp, paula, cell):
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        type(cell).objects.filter(pk=cell.pk).update(jurisdiction="eu")
        yield actor


@pytest.fixture
def offices(msp, as_paula):
    settings = {
        **{"ring": "early", "maintenance_window": WINDOW, "protected": True, "sleep_after_minutes": 60},
        **{"version": "4.14.6", "retention_days": 3, "plan": "large", "role_ceiling": "operator"},
        "backups": {"every_hours": 12, "keep": 10},
        "enrollment_token": {"expires_in_days": 7, "max_uses": 9, "groups": ["offices"]},
    }
    return templates.create(by=as_paula, msp=msp, name="Offices", settings=settings)


def with_template(template, **more) -> Wanted:
    return Wanted.read({**WHOLE.as_json(), "template": template.pk, **more})


def made() -> dict[str, int]:
    """How many of everything there is."""
    with all_rows():
        kinds = (Organization, Grant, ClientName, TemplateUse, Tenant, Operation, EnrollmentToken, Invitation, Mail)
        return {kind.__name__: kind.objects.count() for kind in kinds}


def beat() -> None:
    for row in running.due():
        tasks.look_at_import(row["organization_id"], row["id"])


def outcomes(batch) -> list[tuple[int, str, str]]:
    with all_rows():
        return list(
            ClientImportLine.objects.filter(batch=batch).order_by("number").values_list("number", "state", "reason")
        )
