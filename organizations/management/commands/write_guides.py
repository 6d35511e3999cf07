"""`manage.py write_guides`: writes docs/sso/ from `organizations.sso.guides`; --check says whether it is current."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from organizations.sso.guides import GUIDES, as_markdown


class Command(BaseCommand):
    """Writes a page a provider."""

    help = "Writes the guides of docs/sso/."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--check."""
        parser.add_argument("--check", action="store_true", help="only compare")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        """Writes, or compares."""
        folder = settings.BASE_DIR / "docs" / "sso"
        for guide in GUIDES.values():
            page, text = folder / f"{guide.key}.md", as_markdown(guide)
            if not check:
                folder.mkdir(exist_ok=True)
                page.write_text(text)
            elif not page.exists() or page.read_text() != text:
                raise CommandError(f"{page} is not what `make contracts` writes.")
