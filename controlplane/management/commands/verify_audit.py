"""Checks the audit chains, and exported files of them."""

import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane import audit_chain, audit_witness
from controlplane.audit_chain import Break, Report
from controlplane.audit_checks import chains
from controlplane.audit_file import FileReport, verify_lines
from controlplane.audit_witness import Unheard


class Command(BaseCommand):
    """
    `manage.py verify_audit [--organization ID [--offline] | --file FILE [--without-key]] [--json]`.

    Exit status 1 if a chain does not hold, 3 if it does but not everybody who knows of it could be asked.
    """

    help = "Walk every organization's audit chain, or an exported file, and say where it was changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Arguments of the command."""
        parser.add_argument("--organization", help="only this organization's chain")
        parser.add_argument("--offline", action="store_true", help="ask nobody else what they know of the chains")
        parser.add_argument("--file", type=Path, help="an exported file (JSON lines) instead of the database")
        parser.add_argument("--without-key", action="store_true", help="prove of the file what needs no key")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the command."""
        if options["file"]:
            self._file(options["file"], with_key=not options["without_key"], as_json=options["json"])
        else:
            wanted = [options["organization"]] if options["organization"] else chains()
            self._chains(wanted, asking=not options["offline"], as_json=options["json"])

    def _chains(self, wanted: Sequence[str], *, asking: bool, as_json: bool) -> None:
        reports = [audit_chain.verify(chain) for chain in wanted]
        told = {chain: audit_witness.compare(chain) if asking else ([], []) for chain in wanted}
        breaks = {report.organization_id: [*report.breaks, *told[report.organization_id][0]] for report in reports}
        unheard = [each for _, silent in told.values() for each in silent]
        broken = [chain for chain, found in breaks.items() if found]
        if as_json:
            self.stdout.write(
                json.dumps({"chains": _as_json(reports, breaks), "holds": not broken, **_silent(unheard)})
            )
        for chain in broken:
            self._tell(breaks[chain])
        for each in unheard:
            self.stderr.write(f"Not compared with {each.source}: {each.reason}")
        if broken:
            raise CommandError(f"{len(broken)} of {len(reports)} chains do not hold.")
        if unheard:
            raise CommandError("The chains hold, but were not compared with everybody.", returncode=3)
        if not as_json:
            entries = sum(report.entries for report in reports)
            self.stdout.write(f"{len(reports)} chains hold, with {entries} entries.")

    def _file(self, path: Path, *, with_key: bool, as_json: bool) -> None:
        try:
            with path.open(encoding="utf-8") as lines:
                report = verify_lines(lines, with_key=with_key)
        except (OSError, ValueError) as error:
            raise CommandError(str(error), returncode=2) from error
        if as_json:
            self.stdout.write(json.dumps(report.as_json()))
        else:
            self._describe(report)
        self._tell(report.breaks)
        if report.breaks:
            raise CommandError(f"{path} does not hold.")

    def _describe(self, report: FileReport) -> None:
        verb = "hold" if not report.breaks else "were read"
        self.stdout.write(f"{report.entries} entries of {report.organization_id or 'no trail'} {verb}.")
        if report.gaps:
            left_out = ", ".join(f"{first}–{last}" if first < last else str(first) for first, last in report.gaps[:20])
            self.stdout.write(f"Not in this file: {left_out}{' and more' if len(report.gaps) > 20 else ''}.")
        if not report.complete:
            self.stdout.write("The export goes on after this file.")
        for words in report.unproven:
            self.stdout.write(f"Not proven: {words}")

    def _tell(self, breaks: Sequence[Break]) -> None:
        for found in breaks:
            self.stderr.write(f"{found.organization_id}: {found.reason} at position {found.position}.")


def _as_json(reports: Sequence[Report], breaks: Mapping[str, Sequence[Break]]) -> list[dict[str, Any]]:
    return [
        {**report.as_json(), "breaks": [found.as_json() for found in breaks[report.organization_id]]}
        for report in reports
    ]


def _silent(unheard: Sequence[Unheard]) -> dict[str, Any]:
    return {"not_compared": [{"source": each.source, "reason": each.reason} for each in unheard]}
