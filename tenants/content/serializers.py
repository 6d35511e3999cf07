"""What crosses the wire of the API about content."""

from typing import Any

from rest_framework import serializers

from tenants.content.actions import LONGEST_NOTE
from tenants.content.bulk import MOST_AT_ONCE
from tenants.content.bundles import LARGEST_FILE
from tenants.content.checking import LONGEST_NAME
from tenants.content.diffs import ADDED, CHANGED, REMOVED
from tenants.content.layers import Effective, Level
from tenants.content.models import ContentBundle, ContentFile, ContentVersion
from tenants.content.trials import DEFAULT_LOCATION, FORMATS, LARGEST_EVENT
from tenants.provisioning.operation_serializers import OperationOut, PreviewOut
from tenants.provisioning.serializers import ReasonField, WhenIn

TEXT_HELP = f"at most {LARGEST_FILE} bytes; null leaves out what is inherited under this name"


class ContentFileOut(serializers.ModelSerializer[ContentFile]):
    """A file at one level."""

    organization = serializers.CharField(source="organization_id")
    tenant = serializers.CharField(source="tenant_id", allow_null=True, help_text="null: for all that inherit it")
    latest_version = serializers.IntegerField(source="latest")

    class Meta:
        model = ContentFile
        fields = ["id", "organization", "tenant", "kind", "name", "latest_version", "created_at", "withdrawn_at"]
        read_only_fields = fields
        extra_kwargs = {"withdrawn_at": {"help_text": "since when it counts no more; null while it does"}}


class ContentVersionOut(serializers.ModelSerializer[ContentVersion]):
    """One version of a file. It never changes."""

    file = serializers.CharField(source="file_id")
    text = serializers.CharField(allow_null=True, help_text="null: it leaves out what is inherited")

    class Meta:
        model = ContentVersion
        fields = ["file", "number", "text", "sha256", "note", "created_by", "created_at"]
        read_only_fields = fields


class ContentVersionIn(serializers.Serializer[Any]):
    """Another version of a file."""

    text = serializers.CharField(
        allow_null=True, trim_whitespace=False, max_length=LARGEST_FILE, allow_blank=True, help_text=TEXT_HELP
    )
    note = serializers.CharField(default="", allow_blank=True, max_length=LONGEST_NOTE, help_text="what it changes")
    based_on = serializers.IntegerField(
        required=False, min_value=0, help_text="the version it was made from; refused where another is the newest"
    )


class ContentFileIn(serializers.Serializer[Any]):
    """A file with its first version."""

    kind = serializers.ChoiceField(choices=ContentFile.Kind.choices)
    name = serializers.CharField(
        max_length=LONGEST_NAME, help_text="of the file; of the group of agents, for their settings"
    )
    text = serializers.CharField(
        allow_null=True, trim_whitespace=False, max_length=LARGEST_FILE, allow_blank=True, help_text=TEXT_HELP
    )
    note = serializers.CharField(default="", allow_blank=True, max_length=LONGEST_NOTE, help_text="what it is for")


class SourceOut(serializers.Serializer[Any]):
    """Whose a file is."""

    level = serializers.ChoiceField(choices=[each.value for each in Level])
    id = serializers.CharField(help_text="of the provider, the organization or the tenant")
    name = serializers.CharField()


class EffectiveOut(serializers.Serializer[Any]):
    """What counts under one kind and name."""

    kind = serializers.CharField(source="given.kind")
    name = serializers.CharField(source="given.name")
    version = serializers.IntegerField(source="given.number")
    sha256 = serializers.CharField(source="given.sha256", allow_blank=True)
    left_out = serializers.BooleanField()
    owner = SourceOut(source="source")
    over = SourceOut(many=True, help_text="whose file does not count because this one is nearer")
    text = serializers.SerializerMethodField()

    def get_text(self, each: Effective) -> str | None:
        """Null where it is left out."""
        return each.given.text


class InheritedOut(serializers.Serializer[Any]):
    """What counts for a tenant that has nothing of its own."""

    files = EffectiveOut(many=True)


class ChangeOut(serializers.Serializer[Any]):
    """What would become of one file."""

    kind = serializers.CharField()
    name = serializers.CharField()
    change = serializers.ChoiceField(choices=[ADDED, CHANGED, REMOVED])
    diff = serializers.CharField(allow_blank=True, help_text="unified, line by line")


class TenantContentOut(serializers.Serializer[Any]):
    """What counts for a tenant, beside what its manager runs."""

    wanted = serializers.CharField(allow_null=True, help_text="digest of the bundle that was asked for")
    applied = serializers.CharField(allow_null=True, help_text="digest of the bundle that the manager has")
    error = ReasonField(help_text="why the manager does not have what is wanted")
    files = EffectiveOut(many=True)
    changes = ChangeOut(many=True, help_text="what publishing now would change of what the manager runs")


class BundleFileOut(serializers.Serializer[Any]):
    """One file of a bundle, and where it came from."""

    kind = serializers.CharField()
    name = serializers.CharField()
    version = serializers.IntegerField()
    sha256 = serializers.CharField()
    level = serializers.CharField()
    owner = serializers.CharField(help_text="id of the provider, the organization or the tenant")
    owner_name = serializers.CharField()


class BundleOut(serializers.ModelSerializer[ContentBundle]):
    """What was put together for a tenant at one moment."""

    files = BundleFileOut(many=True, read_only=True)

    class Meta:
        model = ContentBundle
        fields = ["id", "digest", "files", "created_by", "created_at"]
        read_only_fields = fields


class BundleWithTextsOut(BundleOut):
    """The same with the files' texts."""

    texts = serializers.DictField(child=serializers.CharField(), read_only=True, help_text="by sha256")

    class Meta(BundleOut.Meta):
        fields = [*BundleOut.Meta.fields, "texts"]
        read_only_fields = fields


class PublishIn(WhenIn):
    """What a tenant is to run."""

    bundle = serializers.CharField(
        required=False, max_length=32, help_text="an earlier one to return to; left out, what counts now"
    )


class PublishPreviewOut(PreviewOut):
    """What publishing would do, file by file. Nothing was done."""

    changes = ChangeOut(many=True)


class PublishAtIn(WhenIn):
    """Tenants that are to run what counts for each of them now."""

    tenants = serializers.ListField(child=serializers.CharField(max_length=26), min_length=1, max_length=MOST_AT_ONCE)


class PublishResultOut(serializers.Serializer[Any]):
    """What became of one tenant."""

    tenant = serializers.CharField(source="tenant_id")
    operation = OperationOut(allow_null=True)
    problem = serializers.SerializerMethodField()

    def get_problem(self, result: Any) -> dict[str, Any] | None:
        """Why there is no operation; null where there is."""
        return result.problem.as_json() if result.problem else None


class PublishedOut(serializers.Serializer[Any]):
    """What became of each."""

    results = PublishResultOut(many=True)


class LogtestIn(serializers.Serializer[Any]):
    """An event to be tried."""

    event = serializers.CharField(trim_whitespace=False, max_length=LARGEST_EVENT, help_text="one line of a log")
    log_format = serializers.ChoiceField(choices=FORMATS, default="syslog")
    location = serializers.CharField(default=DEFAULT_LOCATION, max_length=256, help_text="where it would come from")


class LogtestOut(serializers.Serializer[Any]):
    """What the manager makes of it."""

    alert = serializers.BooleanField(help_text="whether it would raise an alert")
    output = serializers.DictField(help_text="`rule`, `decoder`, `data` and `location`, as the manager says")
    messages = serializers.ListField(child=serializers.CharField(), help_text="the manager's own words")
