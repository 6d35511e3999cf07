"""Templates of the MSP on the pages: one above another, three clients that have one, and what one has otherwise."""

from typing import Any

from controlplane import rls
from fleet.client_templates import actions, client_actions
from tests.cast import actor_for

WINDOW = {"days": ["sat", "sun"], "start": "02:00", "minutes": 240, "time_zone": "Europe/Berlin"}


def add_templates(world: Any) -> None:
    """Two templates; Alder's tenant differs from what is wanted, and Corvid has a setting of its own."""
    by = actor_for(world.paula)
    with rls.acting_as(by.rls_actor):
        base = actions.create(
            by=by,
            msp=world.msp,
            name="Every client",
            settings={"protected": True, "backups": {"every_hours": 12, "keep": 14}, "role_ceiling": "admin"},
            note="What we promise in every contract",
        )
        asked = {"version": "4.14.7", "maintenance_window": WINDOW, "ring": "general"}
        world.template = actions.create(
            by=by, msp=world.msp, name="Small offices", settings={"ring": "early", **asked}, parent=base.pk
        )
        more = {"sleep_after_minutes": 240, "content_left_out": ["lists/old-list"]}
        world.template = actions.change(
            by=by,
            template=world.template,
            name="Small offices",
            parent=base.pk,
            settings={**asked, **more, "enrollment_token": {"expires_in_days": 90, "groups": ["offices"]}},
            note="Offices close at night",
        )
        for name, template in (
            ("Alder Dental Group", world.template),
            ("Corvid Analytics", world.template),
            ("Halden Foods", world.template),
            ("Dunmore Council", base),
        ):
            use = client_actions.assign(by=by, msp=world.msp, client=world.clients[name], template=template)
            if name == "Corvid Analytics":
                client_actions.override(by=by, use=use, settings={"ring": "canary"}, reason="They try everything first")
