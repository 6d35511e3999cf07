"""
An export as one file: a tar of what the edge made and of what the portal knows beside it, written while it is sent.

Each member is at most a few megabytes and the only one in memory. Last comes `SHA256SUMS`, with the checksum of every
member before it, so that `sha256sum --check SHA256SUMS` proves that all is there and as it was sent, and a file that
was cut off has none.
"""

import datetime as dt
import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils import timezone

from controlplane.actor import Actor
from tenants.protection.exports import portal_records
from tenants.protection.exports.models import Export
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeAmbiguous

README = """This is the export {export} of the tenant "{tenant}" ({id}).

To prove that it is complete and as it was sent:  sha256sum --check SHA256SUMS

edge/    what the edge held when the export was made ({made}), as lines of JSON
portal/  what the portal knew of the tenant when this file was downloaded ({now})

manifest.json names every file with its records, bytes and SHA-256, and what the export does not hold, with why.
Alerts are in edge/alerts (from the indexer) and edge/archived-alerts (from the journal, what the indexer did not hold):
each is there once, with its index and id as a `_bulk` call takes them.
The tenant's audit trail at the edge is the events of kind "audit" in edge/events.
Keys, passwords and secrets of tokens are in no file.
"""


class Members:
    """Makes the parts of a tar (POSIX.1-2001, `ustar` with pax headers) and remembers what it made."""

    def __init__(self, folder: str, made_at: dt.datetime) -> None:
        self._folder, self._made_at = folder, int(made_at.timestamp())
        self.listed: list[dict[str, Any]] = []

    def member(self, name: str, content: bytes, records: int | None = None) -> bytes:
        """A member with its header and padding."""
        told = {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        self.listed.append(told if records is None else {**told, "records": records})
        header = tarfile.TarInfo(f"{self._folder}/{name}")
        header.size, header.mtime, header.mode = len(content), self._made_at, 0o644
        padding = -len(content) % tarfile.BLOCKSIZE
        return header.tobuf(tarfile.PAX_FORMAT) + content + bytes(padding)

    def sums(self) -> bytes:
        """The checksums as `sha256sum` reads them."""
        return "".join(f"{each['sha256']}  {each['name']}\n" for each in self.listed).encode()


def written(actor: Actor, export: Export, manifest: Mapping[str, Any]) -> Iterator[bytes]:
    """
    The file, a member at a time.

    Args:
        manifest: of the edge, read before the first byte goes out.
    Raises EdgeError or what `portal_records.pages` does in the middle, which ends the answer without its end: whoever
    downloads sees that it was cut off.
    """
    now = timezone.now()
    members = Members(f"export-{export.tenant_id}", now)
    yield members.member("README.txt", _readme(export, manifest, now))
    edge = EdgeApi(export.tenant.cell)
    for told in manifest["listed"]:
        content = _genuine(edge.export_file(export.tenant_id, export.pk, told["number"]), told)
        yield members.member(f"edge/{told['name']}", content, told["records"])
    left_out = list(manifest["left_out"])
    for name, rows in portal_records.pages(actor, export.tenant, left_out):
        yield members.member(f"portal/{name}", "".join(f"{row}\n" for row in rows).encode(), len(rows))
    yield members.member("manifest.json", _manifest(export, manifest, members.listed, left_out, now))
    yield members.member("SHA256SUMS", members.sums())
    yield bytes(2 * tarfile.BLOCKSIZE)


def _genuine(content: bytes, told: Mapping[str, Any]) -> bytes:
    if hashlib.sha256(content).hexdigest() != told["sha256"]:
        raise EdgeAmbiguous(f"The edge sent another file than {told['name']}.")
    return content


def _readme(export: Export, manifest: Mapping[str, Any], now: dt.datetime) -> bytes:
    told = {"export": export.pk, "tenant": export.tenant.name, "id": export.tenant_id}
    return README.format(**told, made=manifest["finished_at"], now=now.isoformat(timespec="seconds")).encode()


def _manifest(
    export: Export,
    manifest: Mapping[str, Any],
    listed: list[dict[str, Any]],
    left_out: list[dict[str, str]],
    now: dt.datetime,
) -> bytes:
    said = {
        **{"export": export.pk, "operation": manifest["operation_id"]},
        **{"tenant": export.tenant_id, "name": export.tenant.name, "organization": export.organization_id},
        **{"asked_at": manifest["at"], "made_at": manifest["finished_at"], "downloaded_at": now.isoformat()},
        **{"edge_audit_trail": manifest["audit"], "left_out": left_out, "files": listed},
    }
    return (json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode()
