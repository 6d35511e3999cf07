"""What brings machines in: the files that are handed out, the guides, and the short link to both."""

import hashlib
import re
import subprocess

import pytest
from django.test import Client

from controlplane import rls
from tenants.enrollment.installers.files import FORMS, Target, rendered
from tenants.enrollment.installers.guides import guides
from tenants.enrollment.tokens import actions
from tests.cast import session_of

TARGET = Target("https://portal.test/i/abcdefghij/", "https://edge.test", "4.14.7")


def test_no_guide_and_no_file_puts_a_token_into_a_command():
    every = guides(TARGET, is_local=True)
    commands = [step.command for guide in every for step in guide.steps if step.command]
    assert len(commands) > 10
    assert not [command for command in commands if "enr_" in command or re.search(r"TOKEN=['\"$]", command)]
    for key in FORMS:
        text = rendered(key, TARGET)
        assert "enr_" not in text
        assert not re.search(r"@[A-Z_]+@", text), key


def test_facts_are_quoted_as_each_file_has_it(tmp_path):
    hostile = Target("https://portal.test/i/x/", "https://edge'; reboot; '", "4.14.7")
    assert "$Edge = 'https://edge''; reboot; '''" in rendered("windows", hostile)
    script = tmp_path / "edge.sh"
    assigned = next(line for line in rendered("unix", hostile).splitlines() if line.startswith("EDGE="))
    script.write_text(f'{assigned}\necho "$EDGE"\n')
    said = subprocess.run(["/bin/sh", str(script)], capture_output=True, text=True, check=True)
    assert said.stdout == "https://edge'; reboot; '\n"


def test_the_playbook_takes_the_script_that_was_handed_out_with_it_and_no_other():
    book = rendered("ansible", TARGET)
    assert f'checksum: "sha256:{hashlib.sha256(rendered("unix", TARGET).encode()).hexdigest()}"' in book
    assert 'url: "https://portal.test/i/abcdefghij/?os=unix"' in book


def test_the_script_for_windows_checks_who_signed_before_it_installs_and_wipes_the_token():
    """PowerShell is not run here: this looks at what it says, in which order."""
    text = rendered("windows", TARGET)
    order = [
        text.index(part)
        for part in ("Get-AuthenticodeSignature", "Start-Process msiexec.exe", "Clear-TokenFile\nRestart")
    ]
    assert order == sorted(order)
    assert text.count("{") == text.count("}")
    assert text.count("(") == text.count(")")
    assert not re.search(r"-ArgumentList .*Token", text)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("headers", "begins"),
    [
        ({"User-Agent": "curl/8.5.0", "Accept": "*/*"}, "#!/bin/sh"),
        ({"User-Agent": "Wget/1.21", "Accept": "*/*"}, "#!/bin/sh"),
        ({"User-Agent": "Mozilla/5.0 (Windows NT; Windows NT 10.0) WindowsPowerShell/5.1", "Accept": "*/*"}, "<#"),
        ({"User-Agent": "Mozilla/5.0 Firefox/140", "Accept": "text/html,*/*"}, "<!doctype html>"),
    ],
)
def test_the_short_link_gives_each_visitor_what_fits(make_token, headers, begins):
    token, secret = make_token()
    answer = Client().get(f"/i/{token.pk}/", headers=headers)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert text.lstrip().startswith(begins)
    assert answer["Content-Type"].startswith("text/html" if begins.startswith("<!") else "text/plain")
    assert secret not in text
    assert "Office" not in text
    assert ("<svg" in text) is begins.startswith("<!")


@pytest.mark.django_db
def test_the_short_link_ends_with_its_token(make_token, alice_acts):
    token, _ = make_token()
    assert Client().get(f"/i/{token.pk}/?os=windows").status_code == 200
    assert Client().get(f"/i/{token.pk}/?os=toaster").status_code == 400
    with rls.acting_as(alice_acts.rls_actor):
        actions.revoke_token(by=alice_acts, token=token)
    assert Client().get(f"/i/{token.pk}/").status_code == 404
    assert Client().get("/i/aaaaaaaaaa/").status_code == 404


@pytest.mark.django_db
def test_the_files_are_there_by_api_and_on_the_tokens_page(api, alice, make_token, running):
    token, secret = make_token()
    files = {each["os"]: each for each in api.get(f"tenants/{running.pk}/tokens/{token.pk}/installers").json()}
    assert set(files) == set(FORMS)
    assert files["unix"]["content"].startswith("#!/bin/sh")
    assert Client().get(files["unix"]["url"].replace("http://testserver", "")).status_code == 200
    assert secret not in str(files)
    page = session_of(alice).get(f"/t/{running.pk}/tokens/{token.pk}/").content.decode()
    for words in (f"/i/{token.pk}/", "Ansible", "GPO and Intune", "macOS", "QR code"):
        assert words in page
