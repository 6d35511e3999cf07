"""The first pages: of the portal, of an organization, of an MSP."""

from django.urls import path

from fleet import views

app_name = "fleet"

urlpatterns = [
    path("", views.front, name="front"),
    path("o/<str:organization_id>/", views.home, name="home"),
    path("o/<str:organization_id>/clients/new/", views.add_client, name="client-new"),
]
