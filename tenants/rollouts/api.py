"""Roll-outs by API: the same actions and queries as the pages."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api import validate_only
from controlplane.api.schema import narrowing
from controlplane.api.views import ListView, valid_form
from controlplane.problems import Malformed
from organizations import queries as organizations
from organizations.models import Organization
from tenants.rollouts import actions, planning, queries
from tenants.rollouts.models import Rollout, RolloutTarget
from tenants.rollouts.serializers import RolloutIn, RolloutOut, RolloutPreview, RolloutTargetOut


class OfOrganization(ListView):
    """Something about an organization's roll-outs."""

    def organization(self) -> Organization:
        """The organization of the address."""
        return organizations.find(self.actor, self.kwargs["organization_id"])

    def rollout(self) -> Rollout:
        """The roll-out of the address."""
        return queries.rollout(self.actor, self.organization(), self.kwargs["rollout_id"])


class Rollouts(OfOrganization):
    """Roll-outs of an organization."""

    only_validates = ("POST",)

    @extend_schema(operation_id="rollouts_list", responses=RolloutOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List roll-outs, newest first."""
        return self.page(queries.rollouts_of(self.actor, self.organization()), RolloutOut)

    @extend_schema(
        operation_id="rollouts_create",
        request=RolloutIn,
        parameters=[validate_only.DESCRIBED],
        responses={200: RolloutPreview, 201: RolloutOut},
    )
    def post(self, request: Request, organization_id: str) -> Response:
        """
        Roll a version, content or a template out over all tenants, an MSP's clients' too, ring by ring.

        Each tenant gets an ordinary operation, with its way back. A failure holds the roll-out. Content is what counts
        for each tenant; where the organization's own files are changed before all have it, the roll-out is held.
        """
        form = valid_form(RolloutIn, request)
        asked, organization = form.asked(), self.organization()
        if self.validating:
            terms: dict[str, Any] = {name: asked[name] for name in ("kind", "arguments", "when")}
            foreseen = planning.foresee(self.actor, organization, **terms, only=asked.get("only") or {})
            return Response(RolloutPreview({"targets": foreseen}).data)
        rollout = actions.start(by=self.actor, organization=organization, **asked)
        headers = {"Location": f"/api/v1/organizations/{organization.pk}/rollouts/{rollout.pk}"}
        return Response(RolloutOut(rollout).data, status=201, headers=headers)


class OneRollout(OfOrganization):
    """One roll-out."""

    @extend_schema(operation_id="rollouts_retrieve", responses=RolloutOut)
    def get(self, request: Request, organization_id: str, rollout_id: str) -> Response:
        """Read a roll-out."""
        return Response(RolloutOut(self.rollout()).data)


class Targets(OfOrganization):
    """Its tenants."""

    @extend_schema(
        operation_id="rollouts_tenants_list",
        parameters=[narrowing("state", "Only tenants in this state", RolloutTarget.State.values)],
        responses=RolloutTargetOut(many=True),
        filters=False,
    )
    def get(self, request: Request, organization_id: str, rollout_id: str) -> Response:
        """List the tenants of a roll-out with what became of each."""
        targets, state = queries.targets_of(self.actor, self.rollout()), request.query_params.get("state")
        if state and state not in RolloutTarget.State.values:
            raise Malformed(f"Expected one of {', '.join(RolloutTarget.State.values)}.", field="state")
        return self.page(targets.filter(state=state) if state else targets, RolloutTargetOut)


class GoOn(OfOrganization):
    """Going on with a roll-out that is held."""

    @extend_schema(operation_id="rollouts_go_on", request=None, responses=RolloutOut)
    def post(self, request: Request, organization_id: str, rollout_id: str) -> Response:
        """Go on with what has not begun; what failed stays so."""
        return Response(RolloutOut(actions.go_on(by=self.actor, rollout=self.rollout())).data)


class Retry(OfOrganization):
    """Asking what failed once more."""

    @extend_schema(operation_id="rollouts_retry", request=None, responses=RolloutOut)
    def post(self, request: Request, organization_id: str, rollout_id: str) -> Response:
        """Ask the tenants that failed once more, and go on from there."""
        return Response(RolloutOut(actions.retry(by=self.actor, rollout=self.rollout())).data)


class End(OfOrganization):
    """Ending a roll-out."""

    @extend_schema(operation_id="rollouts_end", request=None, responses=RolloutOut)
    def post(self, request: Request, organization_id: str, rollout_id: str) -> Response:
        """Begin no further tenant. What runs comes to its own end."""
        return Response(RolloutOut(actions.end(by=self.actor, rollout=self.rollout())).data)
