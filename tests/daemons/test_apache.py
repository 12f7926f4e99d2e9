"""The check of httpd.conf: what Apache takes, what it must not do, and what it does not know of a root folder."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.commands import Root
from tests.daemons.generated import ask
from tests.programs import path_of

pytestmark = pytest.mark.program("apache2")

HTTPD = "/etc/httpd/conf/httpd.conf"
CERTIFICATE = "/home/e-smith/ssl.pem/pem"
#: Words of Apache 2.2, as old custom fragments have them.
OLD_ACCESS = """\
<Location "/old">
    Order deny,allow
    Deny from all
    Allow from 127.0.0.1 192.168.1.0/255.255.255.0
    Satisfy all
</Location>
"""


def _checked(office: Root) -> list[str]:
    checked: list[str] = json.loads(office.signal("--json", "email-update").out)["checked"]
    return checked


def test_words_of_apache_2_2(office: Root) -> None:
    """Order, Allow, Deny and Satisfy of an old custom fragment are accepted: their module is loaded."""
    office.custom(f"{HTTPD}/90old", OLD_ACCESS)
    assert HTTPD in _checked(office)
    assert "    Order deny,allow" in office.lines(HTTPD)


def test_slow_clients(office: Root) -> None:
    """Apache takes the times within which a client has to send its request, and has the module that they are for."""
    path = str(office.file(HTTPD))
    shown = subprocess.run(["apache2", "-M", "-f", path], capture_output=True, text=True, check=True).stdout
    assert "reqtimeout_module" in shown
    lines = [line.strip() for line in office.lines(HTTPD)]
    assert "RequestReadTimeout header=20-40,MinRate=500 body=20,MinRate=500" in lines
    assert "RequestReadTimeout handshake=20" in lines


def test_words_of_apache_2_2_without_their_module(office: Root) -> None:
    """A machine whose Apache has no mod_access_compat refuses the same fragment, and the event names it."""
    modules = office.read(f"/etc/e-smith/templates{HTTPD}/20modules")
    office.custom(f"{HTTPD}/20modules", modules.replace("'access_compat', ", ""))
    fragment = office.custom(f"{HTTPD}/90old", OLD_ACCESS)
    answer = office.signal("email-update", code=10)
    assert "Invalid command 'Order'" in answer.err
    assert answer.err.count(f"comes from {fragment}") == 1


def test_a_root_folder_with_a_certificate_and_an_account_of_its_own(office: Root) -> None:
    """A certificate and an account that only a root folder has, and not the machine, do not make the file wrong."""
    office.write(CERTIFICATE, "certificate and key\n")
    for file, line in (("/etc/passwd", "www:x:4000102:4000102::/:/bin/false"), ("/etc/group", "www:x:4000102:")):
        office.write(file, f"{office.read(file).rstrip()}\n{line}\n")
    assert HTTPD in _checked(office)
    lines = office.lines(HTTPD)
    assert {"# www", "User #4000102", "Group #4000102", "Listen 443", "    SSLEngine On"} <= set(lines)
    assert f'        SSLCertificateFile "{CERTIFICATE}"' in lines


def test_the_check_of_an_included_file(office: Root) -> None:
    """httpd.conf is checked, too, when a generated file in conf.d changes alone: a fragment may include it."""
    included = "/etc/httpd/conf.d/site.conf"
    office.write(f"/etc/e-smith/templates-custom{included}/10site", "# {{ qpsmtpd.MaxLoad }}\n")
    listed = "/etc/e-smith/events/email-update/templates2expand/LIST"
    office.write(listed, f"{office.read(listed).rstrip()}\n{included}\n")
    office.signal("email-update")
    office.config("setprop", "qpsmtpd", "MaxLoad", "3")
    assert HTTPD in _checked(office)


def test_the_check_starts_nothing_and_writes_nothing(office: Root, tmp_path: Path) -> None:
    """Programs that logs are piped to are not started, and neither logs nor the file of the process are made."""
    marks = [tmp_path / name for name in ("piped", "error", "log", "pid")]
    office.custom(
        f"{HTTPD}/90logs",
        f'ErrorLog "|/usr/bin/touch {marks[0]}"\nErrorLog "{marks[1]}"\nCustomLog "{marks[2]}" combined\n'
        f'CustomLog "|/usr/bin/touch {marks[0]}" combined\nPidFile "{marks[3]}"\n',
    )
    assert HTTPD in _checked(office)
    assert [mark.name for mark in marks if mark.exists()] == []


@pytest.mark.parametrize("content", ["", "# nothing\n", "<IfModule no_such.c>\nNonsense\n</IfModule>\n"])
def test_a_file_without_a_web_server_is_no_valid_file(tmp_path: Path, content: str) -> None:
    """A file in which there is nothing to read is refused: Apache needs at least its processing module."""
    target = tmp_path / "httpd.conf"
    target.write_text(content)
    done = ask(path_of("apache2"), "-t", "-f", target)
    assert done.returncode != 0
    assert "No MPM loaded" in done.stderr
