"""Addresses of this room's API, under /api/v1/."""

from django.urls import path

from fleet import api
from fleet.clients import api as clients
from fleet.clients import bulk_api as bulk

_ONE = "organizations/<str:organization_id>"

_VIEWS = f"{_ONE}/fleet/views"

urlpatterns = [
    path(f"{_ONE}/fleet", clients.Fleet.as_view(), name="api-fleet"),
    path(f"{_ONE}/fleet/actions", bulk.FleetActions.as_view(), name="api-fleet-actions"),
    path(_VIEWS, clients.FleetViews.as_view(), name="api-fleet-views"),
    path(f"{_VIEWS}/<str:fleet_view_id>", clients.OneFleetView.as_view(), name="api-fleet-view"),
    path(
        f"{_ONE}/members/<str:membership_id>/offboarding",
        api.MemberOffboarding.as_view(),
        name="api-member-offboarding",
    ),
    path(f"{_ONE}/offboardings", api.Offboardings.as_view(), name="api-offboardings"),
    path(f"{_ONE}/offboardings/<str:offboarding_id>", api.OneOffboarding.as_view(), name="api-offboarding"),
]
