"""Compose and Kubernetes give the product's processes what they read, all of it that is mandatory, and nothing else."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from django.core.exceptions import ImproperlyConfigured

from controlplane.environment import read_environment
from deploy.configuration import REPOSITORY

COMPOSE = REPOSITORY / "deploy/compose"
KUBERNETES = REPOSITORY / "deploy/kubernetes"
PROCESSES = ("portal", "worker", "bulk-worker", "beat", "migrate")
OURS = re.compile(r"\b(GARRISON_[A-Z_]+|DATABASE_URL|REDIS_URL)\b")
# A path that code reads below the repository.
BESIDE = re.compile(r'BASE_DIR((?: / "[^"]+")+)')
# The entry script makes these of the key files.
OF_KEYS = {"control.pem": "GARRISON_CONTROL_KEY", "access.pem": "GARRISON_ACCESS_KEY"}
# The image sets it.
OF_IMAGE = {"GARRISON_DATA_DIR"}


def read_by_the_product() -> set[str]:
    sources = ["controlplane/environment.py", *(REPOSITORY / "controlplane/management/commands").glob("*.py")]
    names = {name for source in sources for name in OURS.findall((REPOSITORY / source).read_text())}
    # prepare_database reads one for each role.
    return names | {f"GARRISON_{role}_PASSWORD" for role in ("OWNER", "APP", "WORKER")}


def mandatory() -> set[str]:
    with pytest.raises(ImproperlyConfigured) as refused:
        read_environment({"GARRISON_ENV": "production"})
    return {"GARRISON_ENV", *re.findall(r"- (\w+) is missing", str(refused.value))}


def settings_of(text: str) -> set[str]:
    return {line.partition("=")[0] for line in text.splitlines() if line and not line.startswith("#")}


def compose() -> dict:
    return yaml.safe_load((COMPOSE / "compose.yaml").read_text())


def given_by_compose(service: str) -> set[str]:
    targets = {OF_KEYS.get(secret["target"], secret["target"]) for secret in compose()["services"][service]["secrets"]}
    return targets | settings_of((COMPOSE / "portal.env.example").read_text()) | OF_IMAGE


def pod(name: str) -> dict:
    documents = yaml.safe_load_all((KUBERNETES / f"{name}.yaml").read_text())
    return next(each for each in documents if each["kind"] in ("Deployment", "Job"))["spec"]["template"]["spec"]


def given_by_kubernetes(name: str) -> set[str]:
    (volume,) = [volume for volume in pod(name)["volumes"] if volume["name"] == "secrets"]
    items = [item["path"] for source in volume["projected"]["sources"] for item in source["secret"]["items"]]
    settings = yaml.safe_load((KUBERNETES / "configuration.yaml").read_text())["data"]
    return {OF_KEYS.get(item, item) for item in items} | set(settings) | OF_IMAGE


WAYS = pytest.mark.parametrize("given", [given_by_compose, given_by_kubernetes])


@WAYS
@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_gets_all_that_is_mandatory_and_nothing_that_is_not_read(given, process):
    names = given(process)
    assert mandatory() <= names
    assert names <= read_by_the_product()


@WAYS
def test_only_workers_have_the_control_key_and_only_migrations_the_owner(given):
    assert {name for name in PROCESSES if "GARRISON_CONTROL_KEY" in given(name)} == {"worker", "bulk-worker"}
    assert {name for name in PROCESSES if "GARRISON_OWNER_DATABASE_URL" in given(name)} == {"migrate"}


@WAYS
def test_nothing_of_a_local_run_is_given(given):
    assert not any("GARRISON_LOOPBACK_ORIGINS" in given(name) for name in PROCESSES)


def test_the_database_is_prepared_with_what_that_command_reads():
    assert given_by_compose("prepare") <= read_by_the_product()
    assert "GARRISON_ADMIN_DATABASE_URL" in given_by_compose("prepare")


def test_the_example_of_all_settings_names_what_is_read():
    names = settings_of((REPOSITORY / ".env.example").read_text())
    assert mandatory() <= names <= read_by_the_product()


def test_compose_waits_for_health_and_keeps_secrets_in_files():
    services = compose()["services"]
    for name in ("postgres", "valkey", "portal", "worker", "bulk-worker", "beat"):
        assert services[name]["healthcheck"], name
    for name in ("portal", "worker", "bulk-worker", "beat"):
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert all(set(secret) == {"file"} for secret in compose()["secrets"].values())
    used = {s["source"] for n in (*PROCESSES, "prepare") for s in services[n]["secrets"]} | {"postgres_password"}
    assert used == set(compose()["secrets"])


@pytest.mark.parametrize("name", PROCESSES)
def test_pods_run_restricted(name):
    spec = pod(name)
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert spec["automountServiceAccountToken"] is False


def test_kustomize_lists_every_manifest_and_one_beat_runs():
    listed = set(yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"])
    assert listed == {file.name for file in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    (beat,) = yaml.safe_load_all((KUBERNETES / "beat.yaml").read_text())
    assert beat["spec"]["replicas"] == 1
    assert beat["spec"]["strategy"] == {"type": "Recreate"}


def test_the_entry_script_makes_variables_of_files_and_keys_for_their_owner_alone(tmp_path):
    secrets, keys = tmp_path / "secrets", tmp_path / "keys"
    secrets.mkdir()
    keys.mkdir()
    (secrets / "GARRISON_SECRET_KEY").write_text("line with 'quotes' and $dollars\n")
    (secrets / "GARRISON_CELL_ID_KEYS").write_text('{"eu": "00"}')
    (secrets / "DATABASE_URL").write_text("postgres://app:word@host/db")
    (secrets / "control.pem").write_text("PEM")
    (secrets / "control.pem").chmod(0o440)
    seen = entry(secrets, keys)
    assert seen["GARRISON_SECRET_KEY"] == "line with 'quotes' and $dollars"
    assert json.loads(seen["GARRISON_CELL_ID_KEYS"]) == {"eu": "00"}
    assert seen["GARRISON_CONTROL_KEY"] == str(keys / "control.pem")
    assert "GARRISON_ACCESS_KEY" not in seen
    assert (keys / "control.pem").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_secret_of_the_product_stops_the_container(tmp_path):
    (tmp_path / "LD_PRELOAD").write_text("x")
    with pytest.raises(subprocess.CalledProcessError):
        entry(tmp_path, tmp_path)


def entry(secrets: Path, keys: Path) -> dict[str, str]:
    given = {"PATH": os.environ["PATH"], "SECRETS_FOLDER": str(secrets), "KEYS_FOLDER": str(keys)}
    command = ["sh", REPOSITORY / "deploy/portal/entry.sh", "env", "-0"]
    printed = subprocess.run(command, env=given, capture_output=True, text=True, check=True).stdout
    return dict(pair.split("=", 1) for pair in printed.split("\0") if pair)


def test_static_files_are_collected_without_a_database_or_a_secret(tmp_path):
    given = {"PATH": f"{REPOSITORY / '.venv/bin'}:{os.environ['PATH']}", "GARRISON_DATA_DIR": str(tmp_path)}
    script = REPOSITORY / "deploy/portal/collect_static.sh"
    subprocess.run(["sh", script], cwd=REPOSITORY, env=given, check=True, capture_output=True)
    assert (tmp_path / "static/staticfiles.json").exists()


def test_the_image_copies_every_room_of_the_product_and_what_it_reads_beside_them():
    copied = re.findall(r"^COPY (\S+) \1$", (REPOSITORY / "deploy/portal/Dockerfile").read_text(), re.M)
    kept = (REPOSITORY / ".dockerignore").read_text().split()
    rooms = ("controlplane", "organizations", "billing", "tenants", "fleet")
    read = {
        parts
        for room in rooms
        for file in (REPOSITORY / room).rglob("*.py")
        if file.name not in ("write_guides.py", "examples.py")  # they write documentation from the code, in a clone
        for parts in BESIDE.findall(file.read_text())
    }
    beside = {"/".join(re.findall(r'"([^"]+)"', parts)) for parts in read}
    assert beside == {"templates", "contracts/portal-api.json"}
    for path in {*rooms, *beside}:
        assert path in copied
        assert f"!{path}" in kept


@pytest.mark.stack
def test_the_workers_probe_finds_a_worker_and_misses_one_that_is_not_there(stack):
    """The command of both health checks, against a real worker."""
    text = (COMPOSE / "compose.yaml").read_text() + (KUBERNETES / "worker.yaml").read_text()
    assert text.count('celery -A controlplane inspect ping --destination "celery@') == 2
    command = [REPOSITORY / ".venv/bin/celery", "-A", "controlplane", "inspect", "ping", "--timeout", "10"]
    given = {**os.environ, **stack.layout.django_environment()}
    assert subprocess.run(command, cwd=REPOSITORY, env=given, check=False, capture_output=True).returncode == 0
    elsewhere = [*command[:-1], "2", "--destination", "celery@elsewhere"]
    assert subprocess.run(elsewhere, cwd=REPOSITORY, env=given, check=False, capture_output=True).returncode != 0
