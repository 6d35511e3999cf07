"""What is done with many tenants at once may be under way several times."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0022_by_name"),
        ("tenants", "0028_told_columns"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="rollout",
            name="one_open_rollout_of_a_kind",
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind__in", ["version", "content"]), ("state__in", ["running", "held"])),
                fields=("organization", "kind"),
                name="one_open_rollout_of_a_kind",
            ),
        ),
    ]
