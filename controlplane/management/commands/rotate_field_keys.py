"""Encrypts stored secrets anew under the current key."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import models, transaction
from django.db.models.functions import Cast

from controlplane.crypto import EncryptedTextField, key_id_of
from controlplane.environment import environment


class Command(BaseCommand):
    """`manage.py rotate_field_keys`, after a new ``current`` came into GARRISON_FIELD_KEYS.

    It runs as the owner, because it reads every organization's rows. When it has ended, the old key can be taken out of
    the environment. It can be stopped and started again at any time.
    """

    help = "Encrypt every stored secret under the current key of GARRISON_FIELD_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the command."""
        using = "owner" if "owner" in settings.DATABASES else "default"
        for model, field in encrypted_columns():
            count = sum(_seal_anew(model, field, pk, using) for pk in _under_old_keys(model, field, using))
            self.stdout.write(f"{model._meta.label}.{field}: {count} encrypted anew.")


def encrypted_columns() -> Iterator[tuple[type[models.Model], str]]:
    """Yields every column that holds secrets."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, EncryptedTextField):
                yield model, field.attname


def _under_old_keys(model: type[models.Model], field: str, using: str) -> list[Any]:
    # The cast keeps the field from opening what it reads.
    rows = model._default_manager.using(using).exclude(**{field: ""}).annotate(sealed=Cast(field, models.TextField()))
    current = environment().field_keys.current
    return [pk for pk, sealed in rows.values_list("pk", "sealed").iterator() if key_id_of(sealed or "") != current]


def _seal_anew(model: type[models.Model], field: str, pk: Any, using: str) -> int:
    """Opens and seals one row under its lock, so that a change made meanwhile is not undone."""
    with transaction.atomic(using=using):
        row = model._default_manager.using(using).select_for_update().filter(pk=pk).first()
        if row is None:
            return 0
        row.save(using=using, update_fields=[field])
        return 1
