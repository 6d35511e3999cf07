"""Addresses of SCIM, under /scim/v2/ and the connection's id."""

from django.urls import path

from organizations.scim import views

urlpatterns = [
    path("ServiceProviderConfig", views.ServiceProviderConfig.as_view(), name="scim-config"),
    path("ResourceTypes", views.ResourceTypes.as_view(), name="scim-types"),
    path("ResourceTypes/<str:name>", views.OneResourceType.as_view(), name="scim-type"),
    path("Schemas", views.Schemas.as_view(), name="scim-schemas"),
    path("Schemas/<str:name>", views.OneSchema.as_view(), name="scim-schema"),
    path("Users", views.AllUsers.as_view(), name="scim-users"),
    path("Users/.search", views.SearchUsers.as_view(), name="scim-users-search"),
    path("Users/<str:duser_id>", views.OneUser.as_view(), name="scim-user"),
    path("Groups", views.AllGroups.as_view(), name="scim-groups"),
    path("Groups/.search", views.SearchGroups.as_view(), name="scim-groups-search"),
    path("Groups/<str:dgroup_id>", views.OneGroup.as_view(), name="scim-group"),
    path("", views.Unknown.as_view(), name="scim-root"),
    path("<path:rest>", views.Unknown.as_view(), name="scim-unknown"),
]
