"""Every kind of thing the engine reads or runs, spoilt in every way: refused by name, and nothing ran."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.errors import ExitCode
from tests.commands import TIMEOUT_SECONDS, Root, initialise
from tests.events.kit import make_event
from tests.trust.kit import FAULTS, MALLORY, requires_root, spoilt

pytestmark = requires_root

E = "/etc/e-smith"
EVENT = ("signal-event", "try")
DRY = ("signal-event", "--dry-run", "try")
EXPAND = ("expand-template", "/etc/own")
EXPLAIN = ("expand-template", "--explain", "/etc/own")
GET = ("config", "getprop", "qpsmtpd", "DNSBL")
SET = ("config", "setprop", "clamav", "status", "enabled")
DATABASES = ("esmith", "initialize-databases")
WATCH = ("esmith", "watch")
CHECK = ("esmith", "check")
INIT = ("esmith", "init")
#: Each kind of input, and commands that must not read or run it. Whatever it is, no event begins.
INPUTS: dict[str, tuple[str, list[tuple[str, ...]]]] = {
    "fragment": (f"{E}/templates/etc/own/10text", [DRY, EXPAND, EXPLAIN, CHECK, WATCH, INIT]),
    "custom fragment": (f"{E}/templates-custom/etc/own/20mine", [EXPAND, EXPLAIN, CHECK]),
    "fragment of another template": (f"{E}/templates/etc/clamd.conf/MaxFileSize", [EXPAND]),
    "template.toml": (f"{E}/templates/etc/own/template.toml", [EXPAND, CHECK]),
    "metadata": (f"{E}/templates.metadata/etc/own", [EXPAND, CHECK]),
    "schema": (f"{E}/db/configuration/clamav.toml", [SET, DATABASES, INIT]),
    "default": (f"{E}/db/configuration/defaults/own/type", [DATABASES, INIT]),
    "forced value": (f"{E}/db/configuration/force/own/type", [DATABASES]),
    "migrate fragment": (f"{E}/db/configuration/migrate/10own", [DATABASES, INIT]),
    "list of templates": (f"{E}/events/try/templates2expand", [DRY, WATCH]),
    "action": (f"{E}/events/try/S10run", [DRY, INIT]),
    "action behind a link": (f"{E}/events/actions/shared", [DRY]),
    "probes": ("/etc/e-smith/services.toml", [DRY]),
    "definition of a service": (f"{E}/services/clamd/service.toml", [DRY, INIT]),
    "run script of a service": (f"{E}/services/clamd/run", [INIT]),
    "custom definition": (f"{E}/services-custom/clamd/service.toml", [DRY, INIT]),
    "check without a program": (f"{E}/checks/qpsmtpd.py", [DRY, INIT]),
    "service": ("/var/service/clamd/run", [("esmith", "recover"), INIT]),
    "finish of a service": ("/var/service/clamd/finish", [("esmith", "recover")]),
    "logger of a service": ("/var/service/clamd/log/run", [("esmith", "recover")]),
    "plugin": ("/usr/share/e-smith/qpsmtpd/plugins/check_smtp_forward", [INIT]),
    "data file": ("/home/e-smith/db/data.mdb", [GET, SET, DRY, EXPAND, DATABASES, INIT, ("esmith", "history")]),
    "lock file": ("/home/e-smith/db/lock.mdb", [GET, SET]),
    "mark of the data file": ("/home/e-smith/db/data.verified", [GET, SET]),
    "event lock": ("/var/lib/e-smith/event.lock", [EXPAND, ("esmith", "rollback"), ("esmith", "recover"), INIT]),
    "list of shipped files": ("/var/lib/e-smith/shipped", [EXPAND, INIT]),
    "kept generation": ("/var/lib/e-smith/generations/1", [EXPAND, ("esmith", "rollback")]),
    "Perl module": ("/usr/local/lib/site_perl/esmith/ConfigDB.pm", [INIT]),
    "command": ("/sbin/e-smith/db", [INIT]),
    "program of completion": ("/usr/share/e-smith/completion/esmith-complete", [INIT]),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    """Return a root with an event that leaves a trace of each thing of it that runs."""
    root = initialise(tmp_path_factory.mktemp("inputs") / "root", "--services", "runit", "/service")
    marker = root.file("/ran")
    root.write(f"{E}/templates/etc/own/10text", "text\n")
    root.write(f"{E}/templates/etc/own/template.toml", 'mode = "0640"\n')
    root.custom("/etc/own/20mine", "mine\n")
    root.write(f"{E}/templates.metadata/etc/own", "PERMS=0640\n")
    root.write(f"{E}/services-custom/clamd/service.toml", "[probe]\nup-for = 0\n")
    root.write(f"{E}/db/configuration/defaults/own/type", "own\n")
    root.write(f"{E}/db/configuration/force/own/type", "own\n")
    root.write(f"{E}/db/configuration/migrate/10own", "# nothing\n")
    root.write("/var/service/clamd/finish", "#!/bin/sh\n", mode=0o755)
    root.write(f"{E}/events/actions/shared", f"#!/bin/sh\necho shared >> {marker}\n", mode=0o755)
    event = make_event(root.path, "try", templates="/etc/own\n", actions={"S10run": f"echo action >> {marker}"})
    (event / "S20shared").symlink_to("../actions/shared")
    root.signal("try")
    assert marker.read_text() == "action\nshared\n"
    # Pending from now on, so that "recover" has to look at the service.
    root.config("setprop", "clamav", "MaxFileSize", "20M")
    root.expand("/etc/clamd.conf")
    marker.unlink()
    yield root


def _state(root: Root) -> list[tuple[bytes, int]]:
    """Return what an event changes: outputs, the databases, the list of installed files."""
    places = ("/etc/own", "/etc/clamd.conf", "/home/e-smith/db/data.mdb", "/var/lib/e-smith/shipped")
    return [(root.file(place).read_bytes(), root.file(place).stat().st_mtime_ns) for place in places]


def _refused(root: Root, command: tuple[str, ...], named: Path) -> str:
    """Run a command that must be refused before anything ran, and return the cure it names."""
    before = _state(root)
    answer = root.run(*command, code=ExitCode.UNTRUSTED)
    assert str(named) in answer.err, command
    assert not root.file("/ran").exists()
    assert _state(root) == before
    return answer.err.splitlines()[1].strip()


#: The directory of a generation is a case of its own; those it is in have theirs below.
CASES = [(kind, fault) for kind in INPUTS for fault in FAULTS if kind != "kept generation" or "directory" not in fault]


@pytest.mark.parametrize(("kind", "fault"), CASES)
def test_refused(root: Root, kind: str, fault: str) -> None:
    """What belongs to somebody else, or may be written by others, is not used: the path is named, nothing ran."""
    path, commands = INPUTS[kind]
    with spoilt(root.file(path), fault, root.file("/spare")) as named:
        for command in [EVENT, *(commands if fault == "foreign" else ())]:
            _refused(root, command, named)


@pytest.mark.parametrize("kind", INPUTS)
def test_the_cure(root: Root, kind: str) -> None:
    """The command that the message names cures what is wrong; then the event runs."""
    path = root.file(INPUTS[kind][0])
    with spoilt(path, "foreign", root.file("/spare")):
        path.chmod(path.stat().st_mode & 0o7777 | 0o022)
        cure = _refused(root, EVENT, path)
        for command in cure.split(" && "):
            subprocess.run(shlex.split(command), check=True, timeout=TIMEOUT_SECONDS)
        root.signal("try")
    assert root.read("/ran") == "action\nshared\n"
    root.file("/ran").unlink()


@pytest.mark.parametrize("place", ["", E, f"{E}/events", "/var", "/var/lib/e-smith", "/home", "/home/e-smith/db"])
def test_directories_above(root: Root, place: str) -> None:
    """A directory above what is read counts as well: who may write it puts another one in its place."""
    directory = root.file(place)
    mode = directory.stat().st_mode & 0o7777
    directory.chmod(0o777)
    try:
        assert _refused(root, EVENT, directory) == f"chmod go-w {directory}"
    finally:
        directory.chmod(mode)


def test_status_lists_all(root: Root) -> None:
    """``esmith status`` still works: it lists everything that is not trusted, each with its cure, and exits 12."""
    assert root.esmith("status", "-v", code=None).out.count("chown") == 0
    paths = [
        root.file(INPUTS[kind][0]) for kind in ("fragment", "action", "service", "schema", "definition of a service")
    ]
    for path in paths:
        os.chown(path, MALLORY, MALLORY)
    try:
        answer = root.esmith("status", "-v", code=ExitCode.UNTRUSTED)
        for path in paths:
            assert f"    chown root: {path}" in answer.out.splitlines()
        assert "database configuration:" in answer.out
        assert root.esmith("status", "--json", code=ExitCode.UNTRUSTED).out.count('"cure": "chown root: ') == len(paths)
    finally:
        for path in paths:
            os.chown(path, 0, 0)


def test_status_without_the_databases(root: Root) -> None:
    """Databases that do not count are not opened, and all else is looked at and shown."""
    paths = [root.file(INPUTS[kind][0]) for kind in ("data file", "plugin")]
    for path in paths:
        path.chmod(path.stat().st_mode & 0o777 | 0o022)
    try:
        answer = root.esmith("status", "-v", code=ExitCode.UNTRUSTED)
    finally:
        for path in paths:
            path.chmod(path.stat().st_mode & 0o755)
    assert "the databases are not opened" in answer.out
    assert "database configuration" not in answer.out
    for path in paths:
        assert f"    chmod go-w {path}" in answer.out.splitlines()


def test_a_contrib(root: Root, tmp_path: Path) -> None:
    """A contrib of somebody else is not looked at with perl, which would run what its fragments ``use``."""
    fragment = tmp_path / "contrib/root/etc/e-smith/templates/etc/own/30x"
    fragment.parent.mkdir(parents=True)
    fragment.write_text("{ BEGIN { open my $f, '>', '/tmp/never' } $x{y} }\n")
    os.chown(fragment, MALLORY, MALLORY)
    answer = root.esmith("contrib", "check", str(tmp_path / "contrib"), code=ExitCode.UNTRUSTED)
    assert str(fragment) in answer.err
    assert not Path("/tmp/never").exists()
