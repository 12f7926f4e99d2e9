"""``esmith import``: what migrations take away, and what is not right for the machine the settings come to."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import time
from pathlib import Path

import pytest

from esmith.schema import foreign
from tests.commands import Root

#: No card of any machine has it (RFC 5737).
ELSEWHERE = "198.51.100.77"


def imported(root: Root, folder: Path, **files: str) -> list[str]:
    """Import database files, each given by its text, and return the lines of the report without the folder."""
    for name, text in files.items():
        (folder / name).write_text(text)
    answer = root.esmith("import", *(str(folder / name) for name in files))
    return [line.removeprefix(f"{folder}/") for line in answer.out.splitlines()]


DROPPED = {
    "a property nobody reads": (
        "php=service|MagicQuotes|On",
        "configuration:1: php MagicQuotes: 'On' was dropped: PHP has no such setting since version 5.4.",
    ),
    "a value that means another now": (
        "smtpd=service|Proxy|enabled",
        "configuration:1: smtpd Proxy: 'enabled' became 'blocked'",
    ),
    "an old name beside the new one": (
        "clamav=service|ArchiveMaxFiles|9|MaxFiles|7",
        "configuration:1: clamav ArchiveMaxFiles: '9' was dropped: It is called MaxFiles now, and that is set as well.",
    ),
    "an old record beside the new one": (
        "popd=service|TCPPort|1110\npop3=service|TCPPort|1111",
        "configuration:1: popd: 'service' was dropped: The record pop3 counts.",
    ),
}


@pytest.mark.parametrize(("text", "line"), DROPPED.values(), ids=DROPPED)
def test_what_migrations_drop(root: Root, tmp_path: Path, text: str, line: str) -> None:
    """What a migration takes away is shown with the property, what it held and why."""
    assert line in imported(root, tmp_path, configuration=f"{text}\n")


def test_what_is_renamed_is_not_dropped(root: Root, tmp_path: Path) -> None:
    """A value that only has another name now is kept, and so there is no line about it."""
    lines = imported(root, tmp_path, configuration="popd=service|TCPPort|1110\nclamav=service|ArchiveMaxFiles|99\n")
    assert not [line for line in lines if "dropped" in line or "became" in line]


def test_a_secret_that_is_dropped_is_not_shown(root: Root, tmp_path: Path) -> None:
    """Of a value that may be a secret the report says that it is gone, and not what it was."""
    root.write(
        "/etc/e-smith/db/own/box.toml",
        'type = "box"\n[properties.Password]\ntype = "secret"\nremoved = true\nhelp = "No."\n',
    )
    lines = imported(root, tmp_path, own="box=box|Password|hunter2\n")
    assert "own:1: box Password: the value was dropped: No." in lines
    assert not any("hunter2" in line for line in lines)


def test_many_records_alike(root: Root, tmp_path: Path) -> None:
    """What happened to many records alike is one line; --json has one for each."""
    text = "".join(f"user{number}=user|EmailForward|procmail\n" for number in range(30))
    lines = imported(root, tmp_path, accounts=text)
    assert [line for line in lines if "procmail" in line] == [
        "accounts:1: user0 EmailForward: 'procmail' became 'local' (and 29 more records alike)"
    ]
    (file,) = json.loads(root.esmith("import", "--json", str(tmp_path / "accounts")).out)["files"]
    assert sum(finding["kind"] == "dropped" for finding in file["findings"]) == 30


def test_a_second_primary_domain(root: Root, tmp_path: Path) -> None:
    """The domain of esmith init that stays primary beside the old server's is shown, and the cure takes it away."""
    place = "not right for this machine: domains example.com SystemPrimaryDomain: "
    lines = imported(root, tmp_path, configuration="DomainName=old.example\n")
    (line,) = [line for line in lines if line.startswith("not right")]
    assert line.startswith(f"{place}old.example is the primary domain")
    assert ": db domains delete example.com; " in line
    words = line.rpartition(": db ")[2].split()
    root.db(*words)
    assert "not right" not in "".join(imported(root, tmp_path, configuration="DomainName=old.example\n"))


def test_addresses_of_another_machine(root: Root, tmp_path: Path) -> None:
    """Addresses of the old server that no card here has are shown, each with the command that corrects it."""
    text = f"LocalIP={ELSEWHERE}\nExternalIP={ELSEWHERE}\nInternalInterface=interface|IPAddress|{ELSEWHERE}\n"
    lines = [line for line in imported(root, tmp_path, configuration=text) if line.startswith("not right")]
    instead = next(iter(foreign.card_addresses()), "ADDRESS")
    assert [line.rpartition(": ")[2] for line in lines] == [
        f"config set LocalIP {instead}",
        f"config setprop InternalInterface IPAddress {instead}",
        f"signal-event ip-change {instead}",
    ]
    here = "LocalIP=127.0.0.1\nExternalIP=127.0.0.1\nInternalInterface=interface|IPAddress|127.0.0.1\n"
    assert "not right" not in "".join(imported(root, tmp_path, configuration=here))


def test_an_address_that_is_none_is_looked_up_nowhere(root: Root, tmp_path: Path) -> None:
    """A value that is no address is a matter of the schema, and of no name server."""
    assert "not right" not in "".join(imported(root, tmp_path, configuration="LocalIP=nowhere.example\n"))


def test_a_dry_run_shows_what_would_not_be_right(root: Root, tmp_path: Path) -> None:
    """What would not be right is shown before anything is stored."""
    (tmp_path / "configuration").write_text(f"LocalIP={ELSEWHERE}\n")
    data = json.loads(root.esmith("import", "--json", "--dry-run", str(tmp_path / "configuration")).out)
    assert [setting["place"] for setting in data["foreign"]] == ["configuration LocalIP"]


@pytest.mark.parametrize("at_terminal", [True, False])
def test_progress(root: Root, tmp_path: Path, at_terminal: bool) -> None:
    """At a terminal it is shown how far a long import has come, and nothing of it stays; elsewhere there is none."""
    os.mkfifo(tmp_path / "accounts")
    command = [str(root.path / "sbin/e-smith/esmith"), "import", str(tmp_path / "accounts")]
    environment = {**os.environ, "ESMITH_ROOT": str(root.path)}
    ours, theirs = pty.openpty() if at_terminal else os.pipe()
    with open(ours, "rb", 0) as stream:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=theirs)
        with (tmp_path / "accounts").open("w") as accounts:
            # It takes as long as a large database does.
            time.sleep(1)
            accounts.write("mary=user\ntom=user\n")
        printed, _ = process.communicate(timeout=60)
        os.write(theirs, b".")
        shown = stream.read(65536).decode()
        os.close(theirs)
    assert process.returncode == 0
    assert b"\r" not in printed
    if at_terminal:
        assert "accounts: storing 0 of 2" in shown
        assert shown.removesuffix(".").endswith("\r")
        assert shown.removesuffix(".").rpartition("\r")[0].rpartition("\r")[2].strip() == ""
    else:
        assert shown == "."
