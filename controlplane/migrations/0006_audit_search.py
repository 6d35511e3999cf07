"""Columns and indexes for searching an audit trail."""

from importlib import import_module

from django.db import migrations, models
from django.db.models.fields.json import KeyTextTransform

from controlplane.rls_operations import SQLiteSQL


def _column(name: str) -> migrations.AddField:
    field = models.GeneratedField(
        expression=KeyTextTransform(name, "actor"), output_field=models.TextField(null=True), db_persist=True
    )
    return migrations.AddField("auditentry", f"actor_{name}", field)


def _index(name: str, *columns: str, **more: object) -> migrations.AddIndex:
    index = models.Index(fields=["organization_id", *columns, "-created_at"], name=name, **more)
    return migrations.AddIndex("auditentry", index)


# SQLite rebuilds the table for a generated column and loses its triggers on the way.
TRIGGERS = next(
    operation.forwards
    for operation in import_module("controlplane.migrations.0002_security").Migration.operations
    if isinstance(operation, SQLiteSQL)
)


class Migration(migrations.Migration):
    dependencies = [("controlplane", "0005_message_request")]

    operations = [
        *(_column(name) for name in ("kind", "user", "key", "grant", "request")),
        _index("audit_by_action", "action"),
        _index("audit_by_target", "target"),
        *(_index(f"audit_by_{name}", f"actor_{name}") for name in ("kind", "user", "key", "request")),
        _index("audit_by_msp", condition=models.Q(actor_grant__isnull=False)),
        _index("audit_refused", condition=models.Q(refused=True)),
        SQLiteSQL(TRIGGERS, ["DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"]),
    ]
