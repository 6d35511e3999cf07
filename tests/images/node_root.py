"""A folder that plays a container's disk, with stand-ins where the official image has its programs."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

IMAGES = Path(__file__).parents[2] / "images"
PATIENCE = 10.0  # seconds that a condition may take to become true

# What the Worker gives each role (`worker/src/tenant/node_env.ts`); `test_environment.py` compares the names.
SECRET = "Aa1.bcdefghijklmnopqrstuvwxyz0123"
COMMON = {"TENANT_ID": "aa" + "b" * 24}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB+/a=\n-----END CERTIFICATE-----\n"
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "certs": {"CERTS_REQUEST": "{}"},
    "indexer": {
        "STATE_URL": "http://state.internal",
        "REPOSITORY_URL": "http://repository.internal",
        "INDEX_SHARDS": "2",
        "INDEX_REPLICAS": "0",
        "INDEX_REFRESH_SECONDS": "5",
        "INDEXER_PASSWORD": SECRET + "i",
        "DASHBOARD_PASSWORD": SECRET + "d",
        "OPENSEARCH_JAVA_OPTS": "-Xms1g -Xmx1g",
        "discovery.type": "single-node",
        "node.store.allow_mmap": "false",
        "plugins.security.allow_default_init_securityindex": "true",
        "INDEXER_PASSWORD_BEFORE": "",
        "MESH_URL": "http://mesh.internal",
        "MESH_LISTEN": "",
        "discovery.seed_hosts": "",
        "cluster.initial_cluster_manager_nodes": "",
        "transport.publish_port": "",
    },
    "manager": {
        "STATE_URL": "http://state.internal",
        "INDEXER_URL": "http://indexer.internal",
        "INDEXER_USERNAME": "admin",
        "INDEXER_PASSWORD": SECRET + "i",
        "FILEBEAT_SSL_VERIFICATION_MODE": "none",
        "API_USERNAME": "wazuh-wui",
        "API_PASSWORD": SECRET + "a",
        "WAZUH_CLUSTER_KEY": "k" * 32,
        "AUTHD_PASSWORD": SECRET + "e",
        "AGENTS_PREFIX": f"/wazuh/{COMMON['TENANT_ID']}/",
        "NODE_TYPE": "master",
        "CLUSTER_DISABLED": "yes",
        "ENROLL_URL": "",
        "MESH_URL": "http://mesh.internal",
        "MESH_LISTEN": "",
    },
    "dashboard": {
        "INDEXER_USERNAME": "kibanaserver",
        "INDEXER_PASSWORD": SECRET + "d",
        "WAZUH_API_URL": "http://manager.internal",
        "API_USERNAME": "wazuh-wui",
        "API_PASSWORD": SECRET + "a",
        "COOKIE_PASSWORD": "c" * 43,
    },
}
SECRETS = [SECRET + letter for letter in "idae"] + ["k" * 32, "c" * 43]


def environment_of(role: str, **more: str) -> dict[str, str]:
    """All that the Worker gives node 0 of a role; an empty value of `more` takes a variable away."""
    name = f"{role}-0"
    files = {"root-ca.pem": PEM, f"{name}.pem": PEM, f"{name}-key.pem": PEM.replace("CERTIFICATE", "PRIVATE KEY")}
    given = {**COMMON, "NODE_NAME": name, **ENVIRONMENTS[role]}
    if role != "certs":
        given["NODE_CERTIFICATES"] = json.dumps(files, separators=(",", ":"))
    return {key: value for key, value in {**given, **more}.items() if value}


class NodeRoot:
    """The disk, the programs on it, and what they were called with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls_file = folder / "calls"
        self.started: list[subprocess.Popen[str]] = []
        self.calls_file.touch()
        for name in ("chown", "chroot"):
            self.program(f"stand-ins/{name}")

    def program(self, path: str, body: str = "") -> Path:
        """Puts a program there that notes its call and then does what `body` says, in bash."""
        file = self.folder / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        note = f'printf "%s\\n" "{file.name} $*" >>"{self.calls_file}"'
        file.write_text(f"#!/bin/bash\n{note}\n{body}\n")
        file.chmod(0o755)
        return file

    @property
    def calls(self) -> list[str]:
        return self.calls_file.read_text().splitlines()

    def text(self, path: str) -> str:
        return (self.folder / path.lstrip("/")).read_text()

    def mode(self, path: str) -> int:
        return (self.folder / path.lstrip("/")).stat().st_mode & 0o777

    def start(self, script: str, given: Mapping[str, str]) -> "subprocess.Popen[str]":
        """Runs an entry script as the container's first process would."""
        path = f"{self.folder / 'stand-ins'}:{os.environ['PATH']}"
        variables = {**given, "PATH": path, "NODE_ROOT": str(self.folder)}
        output = (self.folder / "output").open("w")
        command = ["bash", IMAGES / script]
        process = subprocess.Popen(
            command, env=variables, stdout=output, stderr=output, text=True, start_new_session=True
        )
        self.started.append(process)
        return process

    def clear(self) -> None:
        """Ends whatever still runs of what was started: a node's parts outlive a first process that was killed."""
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def output(self) -> str:
        return self.text("output")


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Returns once the condition holds; fails by name when it takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def terminated(process: "subprocess.Popen[str]") -> int:
    """The exit code after SIGTERM."""
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=PATIENCE)
