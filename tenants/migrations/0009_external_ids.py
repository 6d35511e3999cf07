"""What whoever provisions tenants calls them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0019_external_ids"),
        ("tenants", "0008_turns"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="external_id",
            field=models.CharField(blank=True, default="", max_length=128),
        ),
        migrations.AddField(
            model_name="tenant",
            name="external_id_of",
            field=models.CharField(
                blank=True,
                default="",
                help_text="the organization in whose numbering the external id is",
                max_length=32,
            ),
        ),
        migrations.AddConstraint(
            model_name="tenant",
            constraint=models.UniqueConstraint(
                condition=models.Q(("deleted_at__isnull", True), models.Q(("external_id", ""), _negated=True)),
                fields=("external_id_of", "external_id"),
                name="external_id_names_one_tenant",
            ),
        ),
    ]
