"""Indexes for searching an audit trail."""

from django.db import migrations, models
from django.db.models.fields.json import KeyTransform


def _add(name: str, *expressions: object, **more: object) -> migrations.AddIndex:
    return migrations.AddIndex(model_name="auditentry", index=models.Index(*expressions, name=name, **more))


NEWEST_FIRST = ["-created_at", "-id"]
ORDER = (models.F("created_at").desc(), models.F("id").desc())


class Migration(migrations.Migration):
    dependencies = [("controlplane", "0005_message_request")]

    operations = [
        _add("audit_by_action", fields=["organization_id", "action", *NEWEST_FIRST]),
        _add("audit_by_target", fields=["organization_id", "target", *NEWEST_FIRST]),
        *(
            _add(f"audit_by_{name}", models.F("organization_id"), KeyTransform(name, "actor"), *ORDER)
            for name in ("kind", "user", "key", "request")
        ),
        _add("audit_by_msp", fields=["organization_id", *NEWEST_FIRST], condition=models.Q(actor__has_key="grant")),
        _add("audit_refused", fields=["organization_id", *NEWEST_FIRST], condition=models.Q(refused=True)),
    ]
