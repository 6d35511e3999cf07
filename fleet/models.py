"""Gathers the rows of the inner rooms, so that Django finds them in one place."""

from fleet.alerts.models import Alert, AlertCursor, AlertEntry, Suppression
from fleet.clients.models import FleetView
from fleet.routing.models import Destination, Notice, Route

__all__ = ["Alert", "AlertCursor", "AlertEntry", "Destination", "FleetView", "Notice", "Route", "Suppression"]
