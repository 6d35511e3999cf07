"""Gathers the rows of the inner rooms, so that Django finds them in one place."""

from fleet.alerts.models import Alert, AlertCursor, AlertEntry, Suppression
from fleet.clients.models import FleetView

__all__ = ["Alert", "AlertCursor", "AlertEntry", "FleetView", "Suppression"]
