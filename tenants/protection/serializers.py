"""What crosses the wire of the API about protection and deletion."""

from typing import Any

from rest_framework import serializers

from tenants.provisioning import specs


class TenantChange(serializers.Serializer[Any]):
    """What can be changed of a tenant at once."""

    protected = serializers.BooleanField(help_text="whether the tenant is safe from deletion")


class Confirmation(serializers.Serializer[Any]):
    """The typed name of what is to be deleted."""

    confirm_name = serializers.CharField(max_length=specs.LONGEST_NAME)
