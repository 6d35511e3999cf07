"""What crosses the wire of the audit trail's API."""

from typing import Any

from rest_framework import serializers

from controlplane.models import AuditEntry
from organizations.trail.words import action_words


class ActorOut(serializers.Serializer[Any]):
    """Who acted. What is unknown is left out."""

    kind = serializers.CharField(help_text="user, api_key, scim or system")
    user = serializers.CharField(required=False, help_text="The person; of an API key its owner")
    key = serializers.CharField(required=False, help_text="The API key")
    grant = serializers.CharField(required=False, help_text="The grant under which an MSP's person acted")
    session = serializers.CharField(required=False)
    request = serializers.CharField(required=False, help_text="X-Request-Id of the page or call")
    address = serializers.CharField(required=False, help_text="Network address")
    reason = serializers.CharField(required=False, help_text="Why the system acted")


class EntryOut(serializers.ModelSerializer[AuditEntry]):
    """One entry of an organization's trail."""

    organization = serializers.CharField(source="organization_id")
    position = serializers.IntegerField(help_text="1, 2, 3, …: no entry is left out of a chain")
    words = serializers.SerializerMethodField()
    actor = ActorOut()
    data = serializers.DictField(  # type: ignore[assignment] # the entry's, not the serializer's
        help_text="What changed; `before` and `after` where something had a value already"
    )
    previous = serializers.CharField(help_text="hash of the entry before; empty for the first")
    hash = serializers.CharField(
        source="mac", help_text="Keyed hash of this entry and, through previous, of all before"
    )

    class Meta:
        model = AuditEntry
        fields = ["id", "organization", "position", "created_at", "action", "words", "refused", "target", "actor"]
        fields += ["data", "previous", "hash"]
        read_only_fields = fields

    def get_words(self, entry: AuditEntry) -> str:
        """The action as people read it."""
        return action_words(entry.action, refused=entry.refused)

    def to_representation(self, entry: AuditEntry) -> dict[str, Any]:
        """The stored actor as it is: fields that are not there stay away."""
        return {**super().to_representation(entry), "actor": entry.actor}


class FeedOut(serializers.Serializer[Any]):
    """The next entries of a trail that is followed."""

    results = EntryOut(many=True, help_text="The oldest first")
    next = serializers.IntegerField(help_text="Ask again with this as `after`")
    more = serializers.BooleanField(help_text="Whether more may be there already; else ask again in a while")
