"""The event that measures append: a digest of an alert, as managers send them."""

EVENT = {
    "kind": "alert",
    "data": {
        "id": "1764187200.1234567",
        "rule": {
            **{"id": "5710", "level": 5, "description": "sshd: Attempt to login using a non-existent user"},
            "groups": ["syslog", "sshd", "authentication_failed", "invalid_login"],
            "mitre": {"id": ["T1110.001", "T1021.004"], "tactic": ["Credential Access", "Lateral Movement"]},
        },
        "agent": {"id": "001", "name": "alder-web-01", "groups": ["default", "linux"]},
        "manager": {"name": "manager-0"},
        "timestamp": "2026-11-26T20:00:00.000+0000",
        "decoder": {"name": "sshd"},
        "location": "/var/log/auth.log",
        "doc": {"index": "wazuh-alerts-4.x-2026.11.26", "id": "a" * 64},
    },
}
