"""What crosses the wire of the API about installers."""

from typing import Any

from rest_framework import serializers

from tenants.enrollment.installers.files import FORMS


class InstallerOut(serializers.Serializer[Any]):
    """One file that brings machines in."""

    os = serializers.ChoiceField(choices=list(FORMS))
    filename = serializers.CharField()
    about = serializers.CharField()
    url = serializers.URLField(help_text="where anybody who knows it fetches the file, while the token works")
    content = serializers.CharField()
