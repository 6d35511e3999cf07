"""The frame of pages that stand under the fleet's."""

from django.http import HttpRequest
from django.urls import reverse

from organizations.frame import Frame, Link, frame_for
from organizations.models import Organization


def frame_under_fleet(request: HttpRequest, msp: Organization, here: str, *crumbs: Link) -> Frame:
    """As `frame_for`, with the way back to the fleet. Args: crumbs: what stands between the fleet and `here`."""
    fleet = Link("Fleet", reverse("fleet:home", args=[msp.pk]))
    return frame_for(request, msp, here=here, section="home", crumbs=[fleet, *crumbs])
