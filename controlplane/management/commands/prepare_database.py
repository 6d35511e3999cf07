"""Makes the database and its roles on a Postgres server."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.databases import database_from_url
from controlplane.environment import environment
from controlplane.roles import ROLES, prepare


class Command(BaseCommand):
    """`manage.py prepare_database`, before the first `migrate`.

    Secrets come from the environment, never from arguments: ``GARRISON_ADMIN_DATABASE_URL`` (a superuser) and, for
    roles that sign in with one, ``GARRISON_OWNER_PASSWORD``, ``GARRISON_APP_PASSWORD`` and
    ``GARRISON_WORKER_PASSWORD``.
    """

    help = "Make the Postgres database of DATABASE_URL and the roles owner, app and worker."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the command."""
        admin = os.environ.get("GARRISON_ADMIN_DATABASE_URL", "")
        if not admin:
            raise CommandError("Set GARRISON_ADMIN_DATABASE_URL to the address of a superuser of the server.")
        target = database_from_url(environment().database_url)
        if "postgresql" not in target["ENGINE"]:
            raise CommandError("DATABASE_URL names SQLite, which needs no preparation.")
        passwords = {role: os.environ.get(f"GARRISON_{role.upper()}_PASSWORD", "") for role in ROLES}
        prepare(admin, target["NAME"], passwords)
        self.stdout.write(f"Database {target['NAME']} and the roles {', '.join(ROLES)} are ready; now run migrate.")
