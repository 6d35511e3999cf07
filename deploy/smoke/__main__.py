"""
`python -m deploy.smoke`: makes a throw-away tenant on a running deployment and tries what nobody has confirmed yet.

NEVER RUN on a Cloudflare account. On a local stack it goes through the same steps, and says of each that its result
proves nothing there. Exit status: 0 everything proven, 1 something was refuted, 2 something was left open.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
from websockets.exceptions import WebSocketException

from deploy import doors
from deploy.smoke.claims import CLAIMS, Claim
from deploy.smoke.portal import NotSo, Portal
from deploy.smoke.trial import Skipped, Trial

NEVER_RUN = "This smoke test was never run on a Cloudflare account: read a first result as one."
PROVING = "cloudflare"


@dataclass(frozen=True)
class Finding:
    """Args: verdict: proven, refuted or not provable here; seen: why."""

    claim: Claim
    verdict: str
    seen: str


def judge(claim: Claim, trial: Trial, runtime: str) -> Finding:
    """Makes a claim's trial. A refutation counts anywhere; a success only where the nodes are real."""
    try:
        seen = claim.run(trial)
    except Skipped as reason:
        return Finding(claim, "not provable here", str(reason))
    except (NotSo, httpx.HTTPError, WebSocketException, OSError, LookupError, ValueError) as error:
        return Finding(claim, "refuted", f"{type(error).__name__}: {error}")
    if runtime != PROVING:
        return Finding(claim, "not provable here", f"the nodes are {runtime}; there: {seen}")
    return Finding(claim, "proven", seen)


def run(trial: Trial) -> list[Finding]:
    """Every claim in turn; the tenant is deleted whatever comes."""
    runtime = str(doors.readiness(trial.edge).get("runtime", "unknown"))
    findings = []
    try:
        for claim in CLAIMS:
            findings.append(judge(claim, trial, runtime))
            print(line_of(findings[-1]), flush=True)
    finally:
        trial.forget()
    return findings


def line_of(finding: Finding) -> str:
    claim = finding.claim
    return (
        f"{claim.name} [{claim.where}]: {finding.verdict}: {finding.seen}\n"
        f"    claim:  {claim.says}\n    tried:  {claim.tries}\n    proof:  {claim.proves}"
    )


def status_of(findings: list[Finding]) -> int:
    verdicts = {finding.verdict for finding in findings}
    return 1 if "refuted" in verdicts else 2 if "not provable here" in verdicts else 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.smoke", description=__doc__)
    parser.add_argument("--portal", required=True, help="the portal's address")
    parser.add_argument("--edge", required=True, help="the address of the cell's API host")
    parser.add_argument("--organization", required=True, help="org_…; owns the throw-away tenant")
    parser.add_argument("--key-file", required=True, type=Path, help="holds an API key; never an argument")
    parser.add_argument("--agent", default="", help="name of an official agent that you enroll meanwhile")
    parser.add_argument("--patience", type=float, default=1200.0, help="longest wait for one operation, in seconds")
    parser.add_argument("--json", type=Path, help="also writes the findings there")
    options = parser.parse_args(arguments)
    print(NEVER_RUN)
    portal = Portal(options.portal.rstrip("/"), options.key_file.read_text().strip())
    trial = Trial(portal, options.organization, options.agent, options.patience, edge=options.edge.rstrip("/"))
    findings = run(trial)
    if options.json:
        rows = [{"claim": each.claim.name, "verdict": each.verdict, "seen": each.seen} for each in findings]
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    return status_of(findings)


if __name__ == "__main__":
    sys.exit(main())
