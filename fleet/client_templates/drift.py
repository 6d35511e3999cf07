"""What a client's tenants are beside what its template asks for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.actor import Actor
from fleet.client_templates import queries
from fleet.client_templates.merging import OF_CLIENT, Chosen, layers_of, merged
from fleet.client_templates.models import ClientTemplate, TemplateUse
from fleet.client_templates.settings import SETTINGS, Place, Setting
from organizations.models import Organization
from tenants.provisioning.models import Tenant


@dataclass(frozen=True)
class Difference:
    """One setting in which a tenant is not as it is wanted. `source` is where the wish comes from, see `Chosen`."""

    key: str
    wanted: Any
    actual: Any
    source: str

    @property
    def setting(self) -> Setting:
        """What it is about."""
        return SETTINGS[self.key]

    @property
    def is_brought(self) -> bool:
        """Whether a roll-out brings it into line."""
        return self.setting.bring is not None

    @property
    def words(self) -> str:
        """'Version of Wazuh: 4.14.6 → 4.14.7'."""
        return f"{self.setting.label}: {self.actual_words} → {self.wanted_words}"

    @property
    def wanted_words(self) -> str:
        """What is wanted."""
        return self.setting.told(self.wanted)

    @property
    def actual_words(self) -> str:
        """What the tenant has."""
        return "Nothing chosen" if self.actual is None else self.setting.told(self.actual)


@dataclass(frozen=True)
class TenantDrift:
    """A tenant with all that differs of it."""

    tenant: Tenant
    use: TemplateUse
    differences: tuple[Difference, ...]

    @property
    def brought(self) -> list[Difference]:
        """What of it a roll-out brings into line."""
        return [each for each in self.differences if each.is_brought]


def wanted_of(use: TemplateUse, templates: Mapping[str, ClientTemplate]) -> dict[str, Chosen]:
    """What counts for a client: its template's chain, then what it has otherwise."""
    return merged([*layers_of(templates, use.template_id), (OF_CLIENT, use.exceptions)])


def differences(place: Place, wanted: Mapping[str, Chosen]) -> tuple[Difference, ...]:
    """What a tenant has otherwise than wanted, in the order of `SETTINGS`."""
    found = []
    for key, setting in SETTINGS.items():
        if key in wanted and setting.read is not None:
            actual = setting.read(place, wanted[key].value)
            if actual != wanted[key].value:
                found.append(Difference(key, wanted[key].value, actual, wanted[key].source))
    return tuple(found)


def drift_of(actor: Actor, msp: Organization, tenants: Collection[Tenant]) -> list[TenantDrift]:
    """Tenants of clients that have a template, each with what differs. Args: tenants: found as who is asking."""
    clients = {tenant.organization_id for tenant in tenants}
    uses, templates = queries.uses_of(actor, msp).filter(client__in=clients), queries.all_of(msp.pk)
    found = {each.client_id: (each, wanted_of(each, templates)) for each in uses}
    return [
        TenantDrift(tenant, use, differences(Place(tenant, msp.pk), wanted))
        for tenant in tenants
        if tenant.organization_id in found
        for use, wanted in [found[tenant.organization_id]]
    ]
