"""Addresses of this room's API, under /api/v1/."""

from django.urls import path

from billing import api

urlpatterns = [
    path("plans", api.Plans.as_view(), name="api-plans"),
    path("organizations/<str:organization_id>/subscription", api.OneSubscription.as_view(), name="api-subscription"),
]
