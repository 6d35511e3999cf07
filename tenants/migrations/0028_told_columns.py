"""What the edge told of tenants beside its views, so that lists of thousands can sort and narrow by it."""

import datetime as dt
from typing import Any

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from controlplane.rls_operations import HashRowSecurity


def time_of(value: Any) -> dt.datetime | None:
    """A moment of a view; what can't be read is left open, and told anew with the next view."""
    try:
        moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def columns_of(view: dict[str, Any]) -> dict[str, Any]:
    """The columns as they are when this migration runs, whatever becomes of them later."""
    run, agents = view.get("run") or {}, view.get("agents") or {}
    key_is_missing = (view.get("reason") or {}).get("code") == "KEY_MISSING"
    return {
        "told_generation": view.get("generation"),
        "told_requested": str(view.get("requested") or "")[:16],
        "told_run": str(run["kind"])[:64] if run.get("state") == "running" else "",
        "told_sleeping": bool(view.get("sleeping")),
        "told_attention": bool(view.get("attention")) or key_is_missing,
        "certificate_ends_at": time_of((view.get("certificate") or {}).get("not_after")),
        "last_event_at": time_of((view.get("stream") or {}).get("last_event_at")),
        "agents_enrolled": agents.get("enrolled") or 0,
        "agents_active": agents.get("active") or 0,
    }


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Takes the columns from the views that are there."""
    tenants = apps.get_model("tenants", "Tenant").objects.using(schema_editor.connection.alias)
    for tenant in tenants.filter(edge_view__isnull=False).only("pk", "edge_view").iterator():
        tenants.filter(pk=tenant.pk).update(**columns_of(tenant.edge_view))


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0022_by_name"),
        ("tenants", "0027_status"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="agents_active",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="tenant",
            name="agents_enrolled",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="tenant",
            name="certificate_ends_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="tenant",
            name="last_event_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="tenant",
            name="told_attention",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="tenant",
            name="told_generation",
            field=models.PositiveBigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="tenant",
            name="told_requested",
            field=models.CharField(blank=True, default="", max_length=16),
        ),
        migrations.AddField(
            model_name="tenant",
            name="told_run",
            field=models.CharField(blank=True, default="", help_text="kind of the run under way", max_length=64),
        ),
        migrations.AddField(
            model_name="tenant",
            name="told_sleeping",
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name="tenant",
            index=models.Index(
                condition=models.Q(("certificate_ends_at__isnull", False), ("deleted_at__isnull", True)),
                fields=["certificate_ends_at"],
                name="tenants_by_certificate",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        *[HashRowSecurity(f"tenants_{table}") for table in ("tenant", "operation", "step")],
    ]
