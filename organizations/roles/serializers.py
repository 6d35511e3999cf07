"""Roles as they go over the wire."""

from typing import Any

from rest_framework import serializers

from organizations.models.role import LONGEST_DESCRIPTION, LONGEST_NAME
from organizations.permissions import PERMISSIONS


def _permissions(**more: Any) -> serializers.ListField:
    child = serializers.ChoiceField(choices=sorted(PERMISSIONS))
    return serializers.ListField(child=child, min_length=1, max_length=len(PERMISSIONS), **more)


class RoleOut(serializers.Serializer[Any]):
    """A role that an organization's people can have."""

    id = serializers.CharField(source="key", help_text="What a membership's `role` holds")
    name = serializers.CharField()
    description = serializers.CharField()
    built_in = serializers.SerializerMethodField(help_text="One of the five that every organization has")
    permissions = serializers.SerializerMethodField()

    def get_built_in(self, role: Any) -> bool:
        """Whether it can't be changed."""
        return not role.is_custom

    def get_permissions(self, role: Any) -> list[str]:
        """Their names, in order."""
        return sorted(role.permissions)


class RoleList(serializers.Serializer[Any]):
    """All of them: the five first."""

    results = RoleOut(many=True)


class RoleNew(serializers.Serializer[Any]):
    """A role to be made. It can do no more than its maker."""

    name = serializers.CharField(max_length=LONGEST_NAME)
    description = serializers.CharField(max_length=LONGEST_DESCRIPTION, required=False, allow_blank=True)
    permissions = _permissions()


class RoleChange(serializers.Serializer[Any]):
    """What is to be another way about a role; `permissions` is replaced as a whole."""

    name = serializers.CharField(max_length=LONGEST_NAME, required=False)
    description = serializers.CharField(max_length=LONGEST_DESCRIPTION, required=False, allow_blank=True)
    permissions = _permissions(required=False)
