"""By whose groups or directory a member is blocked. Who is blocked already needs a directory or an administrator."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("organizations", "0016_directory")]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="blocked_by",
            field=models.ForeignKey(
                blank=True,
                help_text="Whose groups or directory took it away. No sign-in by another gives it back",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="organizations.connection",
            ),
        ),
    ]
