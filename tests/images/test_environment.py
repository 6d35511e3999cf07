"""The scripts take what the Worker gives, and what the images stand on is pinned."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.images.node_root import ENVIRONMENTS, IMAGES

ROOT = IMAGES.parent
ROLES = ("certs", "indexer", "manager", "dashboard")
# Hashes, keys and words that official files carry and everybody knows.
PUBLISHED = (
    "aa093264ef885029653eea20dfcf51ae",
    "c98b62a9b6169ac5f67dae55ae4a9088",
    "VcCDgh2NDk07JGN0rjGbM",
    "4AcgAt3xwOWadA5s5blL6ev39OXDNhmOesEoo33eZtrq2N0YrU3H",
    "SecretPassword",
    "MyS3cr37P450r",
)


def files_of(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts]


def given_by_the_worker(role: str) -> set[str]:
    """The variables' names in the role's part of the Worker's source."""
    source = (ROOT / "worker/src/tenant/node_env.ts").read_text()
    if role == "certs":
        return {"CERTS_REQUEST"} if "CERTS_REQUEST:" in source else set()
    part = re.search(rf"^  {role}: async .*?^  }}\),$", source, re.M | re.S)
    assert part, f"node_env.ts has no {role}"
    return set(re.findall(r'^    "?([A-Za-z_.]+)"?:', part[0], re.M))


@pytest.mark.parametrize("role", ROLES)
def test_what_the_tests_give_is_what_the_worker_gives(role):
    assert given_by_the_worker(role) == set(ENVIRONMENTS[role])


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_that_the_worker_gives_is_read(role):
    texts = "".join(file.read_text() for file in files_of(IMAGES / role))
    # OpenSearch reads its own.
    unread = [name for name in ENVIRONMENTS[role] if name not in texts and name != "OPENSEARCH_JAVA_OPTS"]
    assert not unread


@pytest.mark.parametrize("role", ["indexer", "manager", "dashboard"])
def test_images_stand_on_the_version_that_the_worker_offers(role):
    configuration = (ROOT / "worker/wrangler.jsonc").read_text()
    offered = json.loads(re.search(r'"VERSIONS": ({[^}]*})', configuration)[1])
    text = (IMAGES / role / "Dockerfile").read_text()
    assert re.search(r"^ARG WAZUH_VERSION=(.+)$", text, re.M)[1] in offered
    assert re.search(rf"^FROM wazuh/wazuh-{role}:\$\{{WAZUH_VERSION}}$", text, re.M)


@pytest.mark.parametrize("role", ROLES)
def test_everything_that_an_image_copies_exists(role):
    for line in re.findall(r"^COPY (?!--from)(.+)$", (IMAGES / role / "Dockerfile").read_text(), re.M):
        for source in [word for word in line.split() if not word.startswith("--")][:-1]:
            assert (IMAGES / source).exists(), source


@pytest.mark.parametrize("role", ROLES)
def test_every_folder_of_an_image_is_opened_to_its_user_once_all_is_copied(role):
    """BuildKit since Docker 28.1 gives a folder that a COPY makes the mode of its files, 0644."""
    lines = (IMAGES / role / "Dockerfile").read_text().splitlines()
    opened = lines.index("RUN chmod -R a+rX /node")
    after = [line.partition(" ")[0] for line in lines[opened + 1 :]]
    assert "COPY" not in after
    assert not [line for line in lines[:opened] if line.startswith("USER ") and line != "USER root"]


def test_no_published_credential_is_in_an_image():
    for file in files_of(IMAGES):
        found = [word for word in PUBLISHED if word in file.read_text()]
        assert not found, file


def shellcheck() -> str | None:
    beside = Path(sys.executable).with_name("shellcheck")
    return str(beside) if beside.exists() else shutil.which("shellcheck")


SCRIPTS = sorted(str(path.relative_to(ROOT)) for path in IMAGES.rglob("*.sh"))


def test_scripts_are_sound_shell():
    for script in SCRIPTS:
        subprocess.run(["bash", "-n", ROOT / script], check=True)


@pytest.mark.skipif(shellcheck() is None, reason="shellcheck is not installed")
def test_shellcheck_finds_nothing():
    found = subprocess.run([shellcheck(), "-x", *SCRIPTS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert not found.stdout
