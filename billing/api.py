"""Plans and subscriptions by API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from billing import queries
from billing.serializers import PlanOut, SubscriptionOut
from controlplane.api.views import ApiView


class Plans(ApiView):
    """The price list."""

    pagination_class = None

    @extend_schema(operation_id="plans_list", responses=PlanOut(many=True), filters=False)
    def get(self, request: Request) -> Response:
        """List all plans on offer, the smallest first."""
        return Response(PlanOut(queries.plans_on_offer(), many=True).data)


class OneSubscription(ApiView):
    """An organization's subscription."""

    @extend_schema(operation_id="organizations_subscription_retrieve", responses=SubscriptionOut)
    def get(self, request: Request, organization_id: str) -> Response:
        """Read what an organization has subscribed to."""
        return Response(SubscriptionOut(queries.subscription_of(self.actor, organization_id)).data)
