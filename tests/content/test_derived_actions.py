"""What the shipped actions write: what follows a generated file is declared, and docs/events.md names it."""

from __future__ import annotations

import os
import re
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from esmith.apply.drift import count_installed
from esmith.errors import EsmithError
from esmith.events.derived import load_derivations
from esmith.layout import Layout
from esmith.plan.installed import OUTPUTS
from esmith.store import open_store
from tests.commands import TIMEOUT_SECONDS, Root
from tests.programs import path_of

_REPOSITORY = Path(__file__).parents[2]
_ACTIONS = _REPOSITORY / "events/actions"
#: What belongs to the engine: the databases, what it keeps, its log. Templates are not written by actions.
_ENGINE = ("/home/e-smith/db/", "/var/lib/e-smith/", "/var/log/e-smith/")
_OPENED = re.compile(r'open(?:at)?\((?:AT_FDCWD|\d+)?(?:, )?"([^"]+)", ')


def _rows(heading: str) -> dict[str, str]:
    """Return a table of docs/events.md: the names in its first column, each with its second column."""
    text = (_REPOSITORY / "docs/events.md").read_text().partition(heading)[2]
    lines = text.partition("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return {name: row[1] for row in cells for name in re.findall(r"`([^`]+)`", row[0])}


def _derived() -> dict[str, str]:
    return _rows("| action | what it makes | of what |\n")


def _staying() -> dict[str, str]:
    return _rows("| action | what it writes | why it stays |\n")


def test_the_table_of_what_follows_files(root: Root) -> None:
    """The table of what shipped actions make is what their declarations say."""
    faults: list[EsmithError] = []
    derivations = load_derivations(Layout(str(root.path)), faults.append)
    assert faults == []
    assert {one.action: ", ".join(f"`{path}`" for path in one.makes) for one in derivations if one.makes} == _derived()


def _steps() -> list[tuple[str, str]]:
    """Return the shipped actions, each with an event that runs it, once."""
    found: dict[Path, tuple[str, str]] = {}
    for step in sorted(_REPOSITORY.glob("events/*/S*")):
        if step.is_file() and os.access(step, os.X_OK):
            place = step.parent / os.readlink(step) if step.is_symlink() else step
            found.setdefault(Path(os.path.normpath(place)), (step.parent.name, step.name))
    return sorted(found.values())


def _files(root: Root) -> dict[str, object]:
    """Return every file and link of a root but the engine's own, and what differs when another replaces it."""
    found: dict[str, object] = {}
    for place in root.path.rglob("*"):
        path = "/" + str(place.relative_to(root.path))
        if not path.startswith(_ENGINE) and (place.is_symlink() or place.is_file()):
            status = place.lstat()
            found[path] = (status.st_ino, status.st_mtime_ns, status.st_size)
    return found


def _outputs(root: Root) -> set[str]:
    store = open_store(Layout(str(root.path)))
    try:
        with store.snapshot() as snapshot:
            assert count_installed(snapshot) > 30
            return set(OUTPUTS.names(snapshot))
    finally:
        store.close()


@pytest.mark.program("strace", "openssl")
@pytest.mark.parametrize(("event", "step"), _steps(), ids=lambda part: part)
def test_what_an_action_writes(office: Root, event: str, step: str) -> None:
    """An action that makes something of a generated file is declared; any other writes only what is documented."""
    newu = '#!/bin/sh\ncd "${0%/bin/qmail-newu}/users" && cat assign >cdb.tmp && mv cdb.tmp cdb\n'
    office.write("/var/qmail/bin/qmail-newu", newu, mode=0o755)
    office.write("/home/e-smith/dkim_keys/other.example/private", "key")
    office.write("/home/e-smith/dkim_keys/other.example/selector", "default")
    office.config("setprop", "qpsmtpd", "DKIMSigning", "enabled")
    if not step.endswith("self-signed-certificate"):
        office.write("/home/e-smith/ssl.pem/pem", "key and certificate")
    office.config("set", "InternalInterface", "interface", "Name", "eth0", "Configuration", "static")
    outputs, before = _outputs(office), _files(office)
    trace = office.path.parent / "trace"
    key = {"domain": "example.com", "user": "alice", "group": "staff"}.get(event.partition("-")[0], "")
    path = office.file(f"/etc/e-smith/events/{event}/{step}")
    environment = {"ESMITH_ROOT": str(office.path), "PATH": f"{office.path}/sbin/e-smith:{os.environ['PATH']}"}
    command = [
        path_of("strace"),
        "-f",
        "-s",
        "4096",
        "-e",
        "trace=open,openat",
        "-o",
        str(trace),
        str(path),
        event,
        key,
    ]
    subprocess.run(command, env=environment, check=False, capture_output=True, timeout=TIMEOUT_SECONDS, cwd="/")
    after = _files(office)
    written = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    name = re.sub(r"^S\d+", "", step)
    documented = re.findall(r"`([^`]+)`", (_derived() | _staying()).get(name, ""))
    assert {path for path in written if not any(fnmatchcase(path, pattern) for pattern in documented)} == set()
    assert bool(written) == bool([one for one in documented if one.startswith("/")]), "the table names what is written"
    if name not in _staying():
        read = {opened.removeprefix(str(office.path)) for opened in _OPENED.findall(trace.read_text())} & outputs
        sources = {source for one in load_derivations(Layout(str(office.path)), print) for source in one.sources}
        assert not written or read <= sources, "what it is made of is declared"


def test_what_system_accounts_looks_at(root: Root) -> None:
    """Each directory that every mail server needs is looked at, or lies above one that is; so are the accounts."""
    root.signal("email-update")
    named = (root.path / "var/lib/e-smith/system-accounts").read_text().split()
    directories = [line.removeprefix("directory:") for line in named if line.startswith("directory:")]
    known = load_derivations(Layout(str(root.path)), lambda error: pytest.fail(str(error)))
    (looked_at,) = (one.looks_at or () for one in known if one.action == "system-accounts")
    assert directories
    assert {"/etc/passwd", "/etc/group", "/var/lib/e-smith/system-accounts"} <= set(looked_at)
    assert [one for one in directories if not any(f"{path}/".startswith(f"{one}/") for path in looked_at)] == []
