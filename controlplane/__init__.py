"""The Django project and what every room needs."""

from controlplane.celery import app as celery_app

__all__ = ["celery_app"]
