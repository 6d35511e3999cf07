"""Addresses of this room's API, under /api/v1/."""

from django.urls import path

from fleet import api

_ONE = "organizations/<str:organization_id>"

urlpatterns = [
    path(
        f"{_ONE}/members/<str:membership_id>/offboarding",
        api.MemberOffboarding.as_view(),
        name="api-member-offboarding",
    ),
    path(f"{_ONE}/offboardings", api.Offboardings.as_view(), name="api-offboardings"),
    path(f"{_ONE}/offboardings/<str:offboarding_id>", api.OneOffboarding.as_view(), name="api-offboarding"),
]
