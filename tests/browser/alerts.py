"""What the agents on the pages report."""

import datetime as dt
from typing import Any

ALERTS = (
    (5, "sshd: Attempt to login using a non-existent user", "5710", ["T1110.001"]),
    (5, "sshd: authentication failed.", "5760", ["T1110.001"]),
    (3, "PAM: Login session opened.", "5501", ["T1078"]),
    (10, "sshd: brute force trying to get access to the system.", "5763", ["T1110"]),
    (7, "Integrity checksum changed.", "550", ["T1565.001"]),
    (12, "Multiple authentication failures followed by a success.", "40112", ["T1078", "T1110"]),
)


def alerts_of_agents() -> list[dict[str, Any]]:
    """Thirty events, one every seven seconds until now."""
    now = dt.datetime.now(dt.UTC)
    names = ("wms-01", "edi-02", "sftp-01", "track-web-02")
    found = []
    for seq in range(1, 31):
        level, words, rule, techniques = ALERTS[seq % len(ALERTS)]
        at = now - dt.timedelta(seconds=7 * (31 - seq))
        data = {
            "rule": {"level": level, "description": words, "id": rule, "mitre": {"id": techniques}},
            "agent": {"id": f"00{seq % 4 + 1}", "name": names[seq % 4]},
        }
        found.append({"seq": seq, "at": at.isoformat().replace("+00:00", "Z"), "kind": "alert", "data": data})
    return found
