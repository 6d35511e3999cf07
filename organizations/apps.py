from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class OrganizationsConfig(AppConfig):
    """People, the organizations they belong to, and the ways they prove who they are."""

    name = "organizations"
    verbose_name = "Organizations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import organizations.actions.sign_in_trail  # noqa: F401 - subscribes
        from controlplane import authority, hosts, mail, pages
        from organizations import access
        from organizations.branding import queries as branding
        from organizations.hostnames import serving
        from organizations.scim import errors
        from organizations.senders import counting

        authority.judged_by(access.require)
        hosts.owners_told_by(serving.owner_of)
        mail.senders_told_by(counting.sender_of)
        mail.letterheads_told_by(branding.letterhead_of)
        pages.answers_below("/scim/", errors.MEDIA_TYPE, errors.body_of)


class StaffAdminConfig(admin_apps.AdminConfig):
    """Django's admin application with the staff's site in place of its own."""

    default = False
    default_site = "organizations.staff_site.StaffSite"
