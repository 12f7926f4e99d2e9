"""The machine itself, with / as the root and a real second user who tries to have root run what he writes."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.errors import ExitCode
from tests.commands import Answer
from tests.system.machine import Machine, machine_trouble
from tests.trust.kit import MALLORY, plain_user, requires_root

pytestmark = [requires_root, pytest.mark.program("setpriv", "unshare")]

E = "/etc/e-smith"
#: What mallory may own, or write, of a server that was copied from elsewhere or repaired in a hurry.
PLACES = {
    "fragment": f"{E}/templates/etc/clamd.conf/MaxFileSize",
    "metadata": f"{E}/templates.metadata/etc/clamd.conf",
    "template.toml": f"{E}/templates/etc/clamd.conf/template.toml",
    "schema": f"{E}/db/configuration/clamav.toml",
    "default": f"{E}/db/configuration/defaults/own/type",
    "migrate fragment": f"{E}/db/configuration/migrate/10own",
    "action": f"{E}/events/actions/own",
    "list": f"{E}/events/try/templates2expand",
    "service": "/var/service/clamd/run",
    "plugin": "/usr/share/e-smith/qpsmtpd/plugins/check_smtp_forward",
    "databases": "/home/e-smith/db/data.mdb",
    "state": "/var/lib/e-smith/event.lock",
    "Perl module": "/usr/local/lib/site_perl/esmith/ConfigDB.pm",
    "command": "/sbin/e-smith/config",
    "directory of fragments": f"{E}/templates/etc/clamd.conf",
    "directory of custom fragments": f"{E}/templates-custom",
    "directory of events": f"{E}/events",
    "directory of all": E,
    "directory of the databases": "/home/e-smith/db",
    "/etc": "/etc",
    "/home": "/home",
    "/var/lib": "/var/lib",
    "/": "/",
}
SETUP = f"""
{{python}} -m esmith init --services runit /service
printf '[default]\\nup-for = 0\\n' > {E}/services.toml
mkdir -p {E}/templates.metadata/etc {E}/db/configuration/defaults/own {E}/db/configuration/migrate {E}/events/try
echo PERMS=0640 > {E}/templates.metadata/etc/clamd.conf
echo own > {E}/db/configuration/defaults/own/type
echo '# nothing' > {E}/db/configuration/migrate/10own
printf '#!/bin/sh\\nid -u >> /ran\\n' > {E}/events/actions/own
chmod 755 {E}/events/actions/own
ln -s ../actions/own {E}/events/try/S10own
echo /etc/clamd.conf > {E}/events/try/templates2expand
signal-event try
rm /ran
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Return a machine with the product installed, a user mallory, and an event that leaves a trace."""
    if trouble := machine_trouble():
        pytest.skip(trouble)
    folder = tmp_path_factory.mktemp("trust")
    prepared = folder / "prepared"
    for place in ["dev", "root", "run", "tmp", "var/tmp", "var/spool/taken"]:
        (prepared / place).mkdir(parents=True)
    (prepared / "etc").mkdir()
    for name, line in (("passwd", f"mallory:x:{MALLORY}:{MALLORY}::/:/bin/sh\n"), ("group", f"mallory:x:{MALLORY}:\n")):
        (prepared / "etc" / name).write_text(Path("/etc", name).read_text() + line)
    machine = Machine(prepared, folder / "work", [])
    try:
        script = folder / "work/setup"
        script.write_text(SETUP.format(python=sys.executable))
        machine.run("sh", "-eu", str(script))
        machine.fork_commands()
        yield machine
    finally:
        machine.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def changed(machine: Machine) -> Iterator[Machine]:
    """Return the machine; a test takes back what it changed, and the event runs again then."""
    yield machine
    machine.run("signal-event", "try")
    assert machine.path("/ran").read_text() == "0\n"
    machine.path("/ran").unlink()


def _mallory(machine: Machine, *words: str, code: int = 0) -> Answer:
    return machine.run(*plain_user(MALLORY), *words, code=code)


def _refused(machine: Machine, place: str, *words: str) -> Answer:
    answer = machine.run(*(words or ("signal-event", "try")), code=ExitCode.UNTRUSTED)
    assert place in answer.err
    assert not machine.path("/ran").exists()
    return answer


@pytest.mark.parametrize("spoil", ["chown mallory", "chmod g+w,o+w", "chgrp mallory"])
@pytest.mark.parametrize("kind", PLACES)
def test_what_mallory_may_write(changed: Machine, kind: str, spoil: str) -> None:
    """Under / only root may own or write what is read and run, and the directories above; the cure cures."""
    place = PLACES[kind]
    status = changed.path(place).stat()
    changed.run(*spoil.split(), place)
    if spoil.startswith("chgrp"):
        changed.run("chmod", "g+w", place)
    try:
        # /sbin is a link where /usr is merged.
        cure = _refused(changed, place.removeprefix("/sbin")).err.splitlines()[1]
        for command in cure.strip().split(" && "):
            changed.run(*shlex.split(command))
        changed.run("signal-event", "try")
        changed.path("/ran").unlink()
    finally:
        os.chown(changed.path(place), status.st_uid, status.st_gid)
        changed.path(place).chmod(status.st_mode & 0o7777)


def test_status_of_an_open_machine(changed: Machine) -> None:
    """Where everybody may write / itself, the status names also what else of the machine mallory may write."""
    changed.run("chmod", "go+w", "/", f"{E}/events")
    try:
        shown = changed.run("esmith", "status", "-v", code=ExitCode.UNTRUSTED).out
        for place in ("/", f"{E}/events"):
            assert f"    chmod go-w {place}" in shown.splitlines()
    finally:
        changed.run("chmod", "go-w", "/", f"{E}/events")


def test_mallory_writes_an_action(changed: Machine) -> None:
    """In a directory of an event that everybody may write mallory writes an action and a Perl fragment: none runs."""
    for place in (f"{E}/events/try", f"{E}/templates-custom"):
        changed.run("chmod", "0777", place)
    script = f"printf '#!/bin/sh\\ncp /etc/shadow /tmp\\n' > {E}/events/try/S05a && chmod 777 {E}/events/try/S05a"
    fragment = f"mkdir -p {E}/templates-custom/etc/clamd.conf && echo '{{ system q(id > /tmp/perl); $x{{y}} }}' > $_/x"
    _mallory(
        changed, "bash", "-c", f"{script} && cd / && {fragment.replace('$_', f'{E}/templates-custom/etc/clamd.conf')}"
    )
    try:
        _refused(changed, f"{E}/")
        _refused(changed, f"{E}/templates-custom", "expand-template", "/etc/clamd.conf")
        _refused(changed, f"{E}/templates-custom", "esmith", "check")
        # The directories are closed, and what mallory left in them is found as well.
        changed.run("chmod", "0755", f"{E}/events/try", f"{E}/templates-custom")
        shown = changed.run("esmith", "status", "-v", code=ExitCode.UNTRUSTED).out
        assert f"{E}/events/try/S05a: belongs to the user mallory" in shown
        assert f"{E}/templates-custom/etc/clamd.conf/x: belongs to the user mallory" in shown
        _refused(changed, f"{E}/")
    finally:
        changed.run("rm", "-r", f"{E}/events/try/S05a", f"{E}/templates-custom/etc")
    assert not changed.path("/tmp/shadow").exists()
    assert not changed.path("/tmp/perl").exists()


def test_links_into_tmp(changed: Machine) -> None:
    """In /tmp a file of root's counts, as nobody else may change or replace it there; one of mallory's does not."""
    link = f"{E}/templates-custom/etc/clamd.conf/linked"
    changed.run("mkdir", "-p", os.path.dirname(link))
    changed.run("ln", "-s", "/tmp/linked", link)
    try:
        changed.run("sh", "-c", "echo '# linked' > /tmp/linked")
        changed.run("expand-template", "/etc/clamd.conf")
        assert "# linked" in changed.path("/etc/clamd.conf").read_text()
        changed.run("rm", "/tmp/linked")
        _mallory(changed, "sh", "-c", "echo '# evil' > /tmp/linked")
        _refused(changed, "/tmp/linked", "expand-template", "/etc/clamd.conf")
        changed.run("rm", "/tmp/linked")
        # A link of mallory's to a file of root's may lead elsewhere a moment later.
        _mallory(changed, "ln", "-s", "/etc/hostname", "/tmp/linked")
        _refused(changed, "/tmp/linked", "expand-template", "/etc/clamd.conf")
    finally:
        changed.run("rm", "-r", f"{E}/templates-custom/etc", "/tmp/linked")
    changed.run("expand-template", "/etc/clamd.conf")


def test_nothing_is_installed_in_a_foreign_directory(changed: Machine) -> None:
    """``esmith init`` installs nothing in a directory of mallory's."""
    changed.run("chown", "mallory", E)
    try:
        changed.path(f"{E}/templates/etc/clamd.conf/Debug").unlink()
        _refused(changed, f"{E}: belongs to the user mallory", "esmith", "init")
        assert not changed.path(f"{E}/templates/etc/clamd.conf/Debug").exists()
    finally:
        changed.run("chown", "root", E)
    changed.run("esmith", "init")
    assert changed.path(f"{E}/templates/etc/clamd.conf/Debug").exists()


def test_the_server_of_perl_scripts(changed: Machine) -> None:
    """A script of root's gets no answer from databases, and no text of templates, that are not root's."""
    read = (
        "use esmith::ConfigDB; my $db = esmith::ConfigDB->open or die esmith::DB->error;"
        "print $db->get('clamav')->prop('MaxFileSize')"
    )
    expand = (
        "use esmith::templates; print processTemplate({TEMPLATE_PATH => '/etc/clamd.conf', OUTPUT_TYPE => 'string'})"
    )
    for code, place in ((read, "/home/e-smith/db"), (expand, f"{E}/templates/etc")):
        assert changed.run("perl", "-e", code).out
        changed.run("chmod", "o+w", place)
        try:
            answer = changed.run("perl", "-e", code, code=None)
            assert answer.code != 0
            assert f"{place}: may be written by everybody" in answer.err
            assert answer.out == ""
        finally:
            changed.run("chmod", "o-w", place)


def test_mallory_himself(machine: Machine) -> None:
    """A plain user may read neither the databases of the machine nor the mail of admin; a message says so."""
    for place in ("/home/e-smith/db", "/home/e-smith/Maildir"):
        answer = machine.run(
            "setpriv", f"--reuid={MALLORY}", f"--regid={MALLORY}", "--clear-groups", "ls", place, code=None
        )
        assert "denied" in answer.err
    assert _mallory(machine, "ls", "/home/e-smith").out == "Maildir\ndb\nfiles\n"
