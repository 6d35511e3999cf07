"""Every address of the portal. Rooms are named, never imported."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path

from controlplane import appearance, pages

HTML = ("organizations.urls", "organizations.settings_urls", "tenants.urls", "fleet.urls")
API = ("organizations.api_urls", "billing.api_urls", "tenants.api_urls", "fleet.api_urls")

urlpatterns: list[URLPattern | URLResolver] = [
    path("theme/", appearance.set_theme, name="theme"),
    path("admin/", admin.site.urls),
    path("api/v1/openapi.json", pages.openapi, name="openapi"),
    *(path("api/v1/", include(name)) for name in API),
    re_path(r"^api(?:/.*)?$", pages.api_root, name="api-unknown"),
    *(path("", include(name)) for name in HTML),
]

handler400 = "controlplane.pages.bad_request"
handler403 = "controlplane.pages.forbidden"
handler404 = "controlplane.pages.not_found"
handler500 = "controlplane.pages.server_error"
