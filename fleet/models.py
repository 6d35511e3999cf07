"""Rows of the fleet: gathered here for Django."""

from fleet.clients.models import FleetView

__all__ = ["FleetView"]
