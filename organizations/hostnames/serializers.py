"""What crosses the wire about host names."""

from typing import Any

from rest_framework import serializers

from organizations.domain_names.dns import record_name, record_text
from organizations.hostnames.naming import platform_host
from organizations.models import Hostname


class HostnameIn(serializers.Serializer[Any]):
    """A host name to be claimed."""

    name = serializers.CharField(max_length=255, help_text="Such as status.example.com")


class HostnameOut(serializers.ModelSerializer[Hostname]):
    """A claimed host name, with the records to publish."""

    record_name = serializers.SerializerMethodField(help_text="Where the TXT record has to stand")
    record_text = serializers.SerializerMethodField(help_text="What it has to say")
    cname = serializers.SerializerMethodField(help_text="What the host name has to be an alias of")

    class Meta:
        model = Hostname
        fields = ["id", "name", "state", "record_name", "record_text", "cname", "created_at", "proven_at"]
        fields += ["missing_since", "looked_at", "looked_words", "next_look_at"]
        read_only_fields = fields

    def get_record_name(self, hostname: Hostname) -> str:
        """Where the TXT record has to stand."""
        return record_name(hostname.name)

    def get_record_text(self, hostname: Hostname) -> str:
        """What it has to say."""
        return record_text(hostname.proof)

    def get_cname(self, hostname: Hostname) -> str:
        """What the host name has to be an alias of."""
        return platform_host()
