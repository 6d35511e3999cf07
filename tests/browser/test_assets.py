"""What files promise without a browser: icons exist, nothing is inline."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings

from controlplane.marks import TONE_CLASSES
from organizations.frame import FIRST, SETTINGS
from organizations.keys.rows import SECRET_MARKS
from organizations.sso.settings.rows import CONNECTION_MARKS
from tenants.enrollment.marks import AGENT, TOKEN
from tenants.provisioning import marks
from tenants.provisioning.frame import SECTIONS
from tenants.provisioning.topology import ICONS

ROOT = Path(settings.BASE_DIR)
SERVED = ROOT / "controlplane" / "static" / "portal"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
TABLES = (marks.TENANT, marks.OPERATION, marks.STEP, marks.NODE, AGENT, TOKEN, SECRET_MARKS, CONNECTION_MARKS)


def icons_served() -> set[str]:
    return set(re.findall(r'<symbol id="([a-z0-9-]+)"', (SERVED / "icons.svg").read_text()))


def icons_used() -> set[str]:
    in_templates = {
        name
        for path in TEMPLATES
        for name in re.findall(r'{% icon "([a-z0-9-]+)"|{{ icons }}#([a-z0-9-]+)"', path.read_text())
        for name in name
        if name
    }
    in_tables = {mark.icon for table in TABLES for mark in table.values()}
    in_rails = {row[2] for row in (*FIRST, *SETTINGS, *SECTIONS)}
    return in_templates | in_tables | in_rails | set(ICONS.values())


def test_every_icon_that_is_used_is_in_the_sprite() -> None:
    assert icons_used() <= icons_served()


def test_every_icon_in_the_sprite_is_used() -> None:
    listed = set(json.loads((ROOT / "assets" / "icons.json").read_text())) | {"keep"}
    assert listed == icons_served()
    assert not listed - icons_used()


def test_every_state_has_an_icon_a_word_and_a_known_tone() -> None:
    for table in TABLES:
        for state, mark in table.items():
            assert mark.icon, state
            assert mark.word, state
            assert mark.tone in TONE_CLASSES, state


@pytest.mark.parametrize(
    "pattern", [r"\sstyle=", r"<style", r"<script(?![^>]*\ssrc=)", r"\son[a-z]+=", "javascript:", "hx-on"]
)
def test_no_template_holds_what_the_content_policy_refuses(pattern: str) -> None:
    assert not [path.name for path in TEMPLATES if re.search(pattern, path.read_text())]


def test_pages_load_nothing_from_elsewhere() -> None:
    files = [*TEMPLATES, SERVED / "portal.css", SERVED / "portal.js"]
    outside = re.compile(r"""(?:src|href|url\(|import)\s*=?\s*["'(]*https?://""")
    assert not [path.name for path in files if outside.search(path.read_text())]
