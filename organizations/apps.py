from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    """People, the organizations they belong to, and the ways they prove who they are."""

    name = "organizations"
    verbose_name = "Organizations"
    default_auto_field = "django.db.models.BigAutoField"
