"""
How a machine is brought in, system by system, as steps to copy.

No command holds the token: it is typed in or read from a file that only root reads. An argument would show in every
process list and stay in the shell's history.
"""

from collections.abc import Sequence
from dataclasses import dataclass

TOKEN_FILE = "/root/enrollment.token"  # noqa: S105 - where the token is kept, no secret


@dataclass(frozen=True)
class Step:
    """One thing to do, and the command that does it, if there is one."""

    words: str
    command: str = ""


@dataclass(frozen=True)
class Guide:
    """The way in for one kind of machine. `tried` is false until somebody has walked it with a real agent."""

    title: str
    about: str
    steps: Sequence[Step]
    tried: bool = False


def guides(*, script_url: str, edge_url: str, tenant_id: str, is_local: bool) -> list[Guide]:
    """
    The guides that work for one tenant.

    Args:
        script_url: address of the enrollment script that the portal serves.
        edge_url: base address of the tenant's edge.
        is_local: whether the whole product runs on this machine, so that its own simulated agent can be used.
    """
    found = [_linux(script_url, edge_url), _windows(edge_url, tenant_id), _unattended(script_url, edge_url)]
    return [_this_machine(edge_url), *found] if is_local else found


def _this_machine(edge_url: str) -> Guide:
    return Guide(
        "On this machine",
        "A simulated agent that speaks the real protocol, for trying it all out. Run both in the project's folder.",
        (
            Step(
                "Keep the token in a file that only you read: paste it when asked.",
                "(umask 077; read -rsp 'Token: ' token && printf %s \"$token\" > .local/enrollment.token)",
            ),
            Step(
                "Start the agent. It enrolls, stays connected and reports a made-up working day.",
                f".venv/bin/python -m local.agent --edge {edge_url} --token-file .local/enrollment.token"
                " --name trial-1 --state .local/trial-1",
            ),
        ),
        tried=True,
    )


def _linux(script_url: str, edge_url: str) -> Guide:
    return Guide(
        "Linux",
        "For a machine with the Wazuh agent 4.14 and cloudflared, which carries its connection over port 443.",
        (
            Step("Fetch the enrollment script, and read it if you like.", f"curl -fsSLO {script_url}"),
            Step(
                "Run it. It asks for the token, gives the agent its identity and installs cloudflared as the service"
                " wazuh-connector, whose credential is in a file that only root reads.",
                f"sudo sh enroll.sh {edge_url}",
            ),
            Step(
                "Set the manager's address to 127.0.0.1, port 1514, protocol tcp, in the agent's ossec.conf, and see"
                " that the connection is up.",
                "sudo systemctl restart wazuh-agent && systemctl status wazuh-connector",
            ),
        ),
    )


WINDOWS_FOLDER = "C:\\Program Files (x86)\\ossec-agent"

# words, command
WINDOWS_STEPS = (
    (
        "Type the token in, unseen, and ask for an identity. It travels in the body, over TLS.",
        "$token = Read-Host -AsSecureString 'Token'; $agent = Invoke-RestMethod -Method Post"
        " -ContentType 'application/json' -Uri {edge_url}/api/agents/enroll -Body (@{{"
        "token=[Net.NetworkCredential]::new('', $token).Password;"
        " enrollment_id=[guid]::NewGuid().ToString(); name=$env:COMPUTERNAME;"
        " sent_at=[DateTime]::UtcNow.ToString('yyyy-MM-ddTHH:mm:ssZ')}} | ConvertTo-Json)",
    ),
    (
        "Give the identity to the agent.",
        "Set-Content '{folder}\\client.keys'"
        ' "$($agent.agent_id) $env:COMPUTERNAME any $($agent.key)" -Encoding ascii',
    ),
    (
        "Start the connection; its credential is in the environment. Then point the agent at 127.0.0.1.",
        "$env:TUNNEL_SERVICE_TOKEN_ID = $agent.connector.id;"
        " $env:TUNNEL_SERVICE_TOKEN_SECRET = $agent.connector.secret;"
        " cloudflared access tcp --hostname {edge_url}/agents/{tenant_id}/1514 --url 127.0.0.1:1514",
    ),
)


def _windows(edge_url: str, tenant_id: str) -> Guide:
    return Guide(
        "Windows",
        "For a machine with the Wazuh agent 4.14 and cloudflared. In PowerShell as administrator, in one window.",
        tuple(
            Step(words, command.format(edge_url=edge_url, tenant_id=tenant_id, folder=WINDOWS_FOLDER))
            for words, command in WINDOWS_STEPS
        ),
    )


def _unattended(script_url: str, edge_url: str) -> Guide:
    return Guide(
        "Unattended",
        "For Ansible and other tools: they put the token into a file of root's with mode 0600. The script wipes it.",
        (
            Step("Fetch the enrollment script.", f"curl -fsSLo /root/enroll.sh {script_url}"),
            Step("Run it with the file.", f"TOKEN_FILE={TOKEN_FILE} sh /root/enroll.sh {edge_url}"),
        ),
    )
