"""One roll-out of templates is under way at a time, as of versions and content."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0022_by_name"),
        ("tenants", "0029_rollouts_without_rings"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="rollout",
            name="one_open_rollout_of_a_kind",
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("kind__in", ["version", "content", "template"]), ("state__in", ["running", "held"])
                ),
                fields=("organization", "kind"),
                name="one_open_rollout_of_a_kind",
            ),
        ),
    ]
