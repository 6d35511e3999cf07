"""Something done with many tenants, by API."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.actor import Actor
from controlplane.api import validate_only
from controlplane.api.views import valid
from controlplane.problems import Invalid
from fleet.clients import bulk
from organizations.api import InOrganization
from organizations.models import Organization
from tenants.provisioning.models import Tenant
from tenants.provisioning.scheduling import NOW, WHEN
from tenants.rollouts.bulk import AT_ONCE
from tenants.rollouts.planning import MOST_AT_ONCE
from tenants.rollouts.serializers import ForeseenOut, RolloutOut

OF_KINDS = ("ring", "maintenance_window")


class FleetActionIn(serializers.Serializer[Any]):
    """What is to be done, and with which tenants: named ones, or those of a kept view."""

    kind = serializers.ChoiceField(choices=list(AT_ONCE))
    tenants = serializers.ListField(
        child=serializers.CharField(max_length=26), required=False, min_length=1, max_length=MOST_AT_ONCE
    )
    view = serializers.CharField(max_length=32, required=False, help_text="instead of `tenants`: a kept view")
    when = serializers.ChoiceField(choices=WHEN, default=NOW, help_text="rotations can wait for maintenance windows")
    ring = serializers.ChoiceField(choices=Tenant.Ring.choices, required=False, help_text="of the kind `set_ring`")
    maintenance_window = serializers.DictField(
        required=False, allow_null=True, help_text="of the kind `set_maintenance_window`; null for none"
    )


class FleetActionPreview(serializers.Serializer[Any]):
    """What it would do."""

    title = serializers.CharField()
    meanwhile = serializers.CharField(help_text="What people notice of it")
    monthly_cents = serializers.IntegerField(help_text="Change of what is paid a month by the price list, in US cents")
    targets = ForeseenOut(many=True)


class FleetActions(InOrganization):
    """Doing something with many tenants."""

    only_validates = ("POST",)

    @extend_schema(
        operation_id="organizations_fleet_actions_create",
        request=FleetActionIn,
        parameters=[validate_only.DESCRIBED],
        responses={200: FleetActionPreview, 201: RolloutOut},
    )
    def post(self, request: Request, organization_id: str) -> Response:
        """
        Have up to 200 tenants started, stopped, backed up, given new certificates or passwords, a ring or a window.

        Each tenant is asked by itself and holds no other up. It is followed, and what failed is retried, as a roll-out.
        """
        msp = self.organization()
        order = _order(self.actor, msp, valid(FleetActionIn, request))
        if self.validating:
            return Response(FleetActionPreview(bulk.foresee(self.actor, msp, order)).data)
        begun = bulk.begin(self.actor, msp, order)
        headers = {"Location": f"/api/v1/organizations/{msp.pk}/rollouts/{begun.pk}"}
        return Response(RolloutOut(begun).data, status=201, headers=headers)


def _order(actor: Actor, msp: Organization, given: dict[str, Any]) -> bulk.Order:
    if ("tenants" in given) == ("view" in given):
        raise Invalid("Name either tenants or a view. Nothing was begun.", field="tenants")
    if "view" in given:
        given["tenants"] = bulk.tenants_of_view(actor, msp, given["view"])
    arguments = {name: given[name] for name in OF_KINDS if name in given}
    return bulk.Order(given["kind"], given["tenants"], arguments, given["when"])
