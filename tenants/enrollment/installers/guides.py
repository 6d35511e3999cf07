"""
How a machine is brought in, system by system, as steps to copy.

No command holds the token: it is typed in or read from a file that only root reads. An argument would show in every
process list and stay in the shell's history.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tenants.enrollment.installers.files import Target, address

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
    expected: str
    tried: bool = False


# What becomes of each machine is told where the steps stand; {link} and the files' addresses are the token's.
GUIDES = (
    Guide(
        "Linux",
        "Debian, Ubuntu, Red Hat, SUSE and their like, on 64 bits.",
        (
            Step("Fetch the installer. It holds no secret: read it if you like.", "curl -fsSLo install.sh '{unix}'"),
            Step(
                "Run it. It asks for the token, installs the Wazuh agent after checking who signed it, enrolls it and"
                " starts it. An agent that is there already is kept.",
                "sudo sh install.sh",
            ),
        ),
        "It ends with “done”, and the machine's name appears on the token's page within a minute.",
    ),
    Guide(
        "macOS",
        "Apple silicon and Intel.",
        (
            Step("Fetch the installer. It holds no secret: read it if you like.", "curl -fsSLo install.sh '{unix}'"),
            Step("Run it. It asks for the token and does the rest.", "sudo sh install.sh"),
        ),
        "It ends with “done”, and the machine's name appears on the token's page within a minute.",
    ),
    Guide(
        "Windows",
        "In PowerShell as administrator.",
        (
            Step(
                "Fetch the installer. It holds no secret: read it if you like.",
                "Invoke-WebRequest -UseBasicParsing '{windows}' -OutFile install.ps1",
            ),
            Step(
                "Run it. It asks for the token, installs the agent's MSI after checking who signed it, enrolls it and"
                " starts it.",
                "powershell -ExecutionPolicy Bypass -File .\\install.ps1",
            ),
        ),
        "It ends with “enrolled”, and the machine's name appears on the token's page within a minute.",
    ),
    Guide(
        "Unattended",
        "For images, cloud-init and tools of your own: they put the token into a file of root's with mode 0600.",
        (
            Step("Fetch the installer.", "curl -fsSLo /root/install.sh '{unix}'"),
            Step(
                "Run it with the file, which it wipes afterwards. NAME gives the agent a name of its own.",
                f"TOKEN_FILE={TOKEN_FILE} sh /root/install.sh",
            ),
        ),
        "Exit status 0. A failure says why, keeps the token's file, and can be run again.",
    ),
    Guide(
        "Ansible",
        "A playbook for Linux and macOS, which takes this installer and no other: it holds its checksum.",
        (
            Step("Fetch the playbook.", "curl -fsSLo playbook.yml '{ansible}'"),
            Step(
                "Keep the token in a vault, as enrollment_token.",
                "ansible-vault encrypt_string --stdin-name enrollment_token >> group_vars/all.yml",
            ),
            Step("Run it.", "ansible-playbook -i inventory --ask-vault-pass playbook.yml"),
        ),
        "Machines that are enrolled already are passed over; the token's file is gone from the others afterwards.",
    ),
    Guide(
        "GPO and Intune",
        "For Windows machines of a domain or of Intune, as SYSTEM.",
        (
            Step("Fetch the installer.", "Invoke-WebRequest -UseBasicParsing '{windows}' -OutFile install.ps1"),
            Step(
                "Bring the token to the machines as a file that only SYSTEM and administrators read, by a preference of"
                " the policy or in the package, and have this run: as the policy's startup script, or as the install"
                " command of a Win32 app. It wipes the file.",
                "powershell -NoProfile -ExecutionPolicy Bypass -File install.ps1"
                " -TokenFile C:\\ProgramData\\enrollment.token",
            ),
            Step(
                "Intune's detection rule for the app.",
                "Invoke-WebRequest -UseBasicParsing '{detect}' -OutFile detect.ps1",
            ),
        ),
        "The app shows as installed once the agent's service runs and the machine is enrolled.",
    ),
)


def guides(target: Target, *, is_local: bool = False) -> list[Guide]:
    """
    The guides that work for one token.

    Args: is_local: whether the whole product runs on this machine, so that its own simulated agent can be used.
    """
    links = {key: address(key, target) for key in ("unix", "windows", "ansible", "detect")}
    found = [_filled(guide, links) for guide in GUIDES]
    return [_this_machine(target.edge), *found] if is_local else found


def _filled(guide: Guide, links: dict[str, str]) -> Guide:
    steps = tuple(Step(step.words, step.command.format(**links)) for step in guide.steps)
    return Guide(guide.title, guide.about, steps, guide.expected, guide.tried)


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
        "The agent's name appears on the token's page within a minute.",
        tried=True,
    )
