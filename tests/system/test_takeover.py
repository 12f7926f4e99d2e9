"""Debian's own units that want the ports or files of services: named, taken over, and given back."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from esmith.errors import ServiceError
from esmith.layout import Layout
from esmith.plan.host import DiskHost
from esmith.setup.takeover import give_back
from tests.commands import Root

_UNITS = "/etc/systemd/system"
_RECORD = "/var/lib/e-smith/taken-over"


@pytest.fixture
def debian(root: Root) -> Root:
    """A root with units of Debian's packages, enabled as their installation does it."""
    for unit in ("clamav-daemon.service", "dovecot.service"):
        root.write(f"/lib/systemd/system/{unit}", "[Service]\nExecStart=/bin/true\n")
        wants = root.file(f"{_UNITS}/multi-user.target.wants")
        wants.mkdir(parents=True, exist_ok=True)
        (wants / unit).symlink_to(f"/lib/systemd/system/{unit}")
    root.write("/etc/init.d/exim4", "#!/bin/sh\nexit 3\n", mode=0o755)
    root.file("/etc/rc2.d").mkdir()
    root.file("/etc/rc2.d/S01exim4").symlink_to("../init.d/exim4")
    return root


def _links(root: Root) -> dict[str, str]:
    """Return all links below /etc that start units or mask them, with what they hold."""
    found = {}
    for folder in (_UNITS, "/etc/rc2.d"):
        for path in root.file(folder).rglob("*"):
            if path.is_symlink():
                found[str(path.relative_to(root.path))] = os.readlink(path)
    return found


def test_they_are_named_with_the_cure(debian: Root) -> None:
    """Without being asked nothing of Debian's is changed; init and the list of services say what is in the way."""
    before = _links(debian)
    printed = debian.esmith("init", "--services", "runit").err
    assert "clamav-daemon.service is started at boot, and wants the ports or files of clamd" in printed
    assert "exim4.service is started at boot" in printed
    assert printed.endswith("to stop them, and keep them from starting: esmith init --take-over\n")
    assert _links(debian) == before
    shown = debian.esmith("services").out
    assert "  dovecot.service is started at boot, and wants the ports or files of dovecot\n" in shown
    assert "    esmith init --take-over\n" in shown
    assert debian.esmith("status", "-v", code=None).out.count("esmith init --take-over") == shown.count(
        "esmith init --take-over"
    )
    rivals = json.loads(debian.esmith("services", "--json").out)["clamd"]["rivals"]
    assert rivals == ["clamav-daemon.service is started at boot, and wants the ports or files of clamd"]


def test_of_a_disabled_service_nobody_is_a_rival(debian: Root) -> None:
    """Debian's daemon may do what our service is not to do."""
    debian.config("setprop", "clamd", "status", "disabled")
    assert "clamav-daemon" not in debian.esmith("init", "--services", "runit").err
    debian.esmith("init", "--take-over")
    assert f"{_UNITS}/multi-user.target.wants/clamav-daemon.service".lstrip("/") in _links(debian)


def test_before_services_are_ours_nobody_is_a_rival(debian: Root) -> None:
    """On a machine whose daemons Debian starts on the generated files, init says nothing of them."""
    assert "wants the ports" not in debian.esmith("init").err


@pytest.mark.parametrize("supervisor", ["runit", "systemd"])
def test_taken_over_and_given_back(debian: Root, supervisor: str) -> None:
    """Units are masked and started by nothing; given back, every link is as it was."""
    before = _links(debian)
    printed = debian.esmith("init", "--services", supervisor, "--take-over").err
    assert "clamav-daemon.service of Debian is not started any more: clamd is" in printed
    assert "to give them back: esmith init --give-back" in printed
    after = _links(debian)
    unit = f"{_UNITS}/clamav-daemon.service".lstrip("/")
    assert after[unit] == "/dev/null"
    assert after[f"{_UNITS}/exim4.service".lstrip("/")] == "/dev/null"
    assert "etc/rc2.d/S01exim4" not in after
    dovecot = debian.file(f"{_UNITS}/dovecot.service")
    # Ours has the same name under systemd, and so takes its place.
    assert dovecot.is_symlink() == (supervisor == "runit")
    assert "take-over" not in debian.esmith("services").out
    assert "of Debian" not in debian.esmith("init", "--take-over").err
    printed = debian.esmith("init", "--give-back").err
    assert "clamav-daemon.service of Debian is given back" in printed
    assert {name: link for name, link in _links(debian).items() if "esmith" not in name} == before
    assert json.loads(debian.read(_RECORD)) == {}
    assert not any("esmith" in name for name in _links(debian))


def test_a_shadowed_unit_is_given_back(debian: Root) -> None:
    """How a unit was enabled whose name one of ours has is written down also where nobody asked to take it over."""
    before = _links(debian)
    debian.esmith("init", "--services", "systemd")
    link = f"{_UNITS}/multi-user.target.wants/dovecot.service".lstrip("/")
    assert _links(debian)[link] == f"{_UNITS}/dovecot.service"
    debian.esmith("init", "--give-back")
    assert _links(debian) == before


def test_killed_in_between(debian: Root) -> None:
    """What was written down before a command was killed is not forgotten when it is run again."""
    debian.esmith("init", "--services", "runit")
    wants = f"{_UNITS}/multi-user.target.wants/clamav-daemon.service"
    known = {"links": {wants: "/lib/systemd/system/clamav-daemon.service"}, "up": True, "service": "clamd"}
    record = {"clamav-daemon.service": known}
    debian.write(_RECORD, json.dumps(record))
    debian.file(wants).unlink()
    debian.esmith("init", "--take-over")
    kept = json.loads(debian.read(_RECORD))["clamav-daemon.service"]
    assert kept == known


def test_a_unit_of_the_administrator_is_no_mask(debian: Root) -> None:
    """A unit file that somebody wrote under that name stays, and is enabled no more."""
    debian.write(f"{_UNITS}/clamav-daemon.service", "[Service]\nExecStart=/opt/mine\n")
    debian.esmith("init", "--services", "runit", "--take-over")
    assert debian.read(f"{_UNITS}/clamav-daemon.service") == "[Service]\nExecStart=/opt/mine\n"
    assert f"{_UNITS}/multi-user.target.wants/clamav-daemon.service".lstrip("/") not in _links(debian)


def test_a_damaged_record_stops_it(debian: Root) -> None:
    """A record that cannot be read is an error with the cure, and nothing is taken over."""
    debian.esmith("init", "--services", "runit")
    before = _links(debian)
    debian.write(_RECORD, "{")
    assert f"{_RECORD}: is damaged" in debian.esmith("init", "--take-over", code=5).err
    assert _links(debian) == before


@pytest.mark.parametrize("words", [("--take-over",), ("--services", "runit")])
def test_options_that_contradict(root: Root, words: tuple[str, ...]) -> None:
    """Giving back goes with nothing that takes over."""
    assert "--give-back goes with no other option" in root.esmith("init", "--give-back", *words, code=2).err


def test_the_folder_needs_a_supervisor(root: Root, tmp_path: Path) -> None:
    """A folder without a supervisor that scans it is wrong use."""
    assert "is a folder that no supervisor scans" in root.esmith("init", str(tmp_path), code=2).err


def test_a_unit_whose_name_ours_had(debian: Root) -> None:
    """From systemd to runit a unit of Debian comes to light whose name ours had: it is masked, and given back."""
    before = _links(debian)
    debian.esmith("init", "--services", "systemd", "--take-over")
    debian.esmith("init", "--services", "runit", "--take-over")
    assert _links(debian)[f"{_UNITS}/dovecot.service".lstrip("/")] == "/dev/null"
    debian.esmith("init", "--give-back")
    assert _links(debian) == before


def test_what_does_not_start_on_our_files(debian: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a unit that was up and does not start on generated files, these are named, with the cure."""
    debian.signal("email-update")
    debian.esmith("init", "--services", "runit", "--take-over")
    record = json.loads(debian.read(_RECORD))
    record["dovecot.service"]["up"] = True
    debian.write(_RECORD, json.dumps(record))

    def fail(*_: object) -> None:
        raise ServiceError("no")

    monkeypatch.setattr("esmith.setup.takeover._start", fail)
    layout = Layout(str(debian.path))
    lines = give_back(layout, DiskHost(layout))
    assert (
        "dovecot.service of Debian is given back, but does not start: no\n"
        "  it reads /etc/dovecot/dovecot.conf, which e-smith wrote; to take that away, too: esmith remove"
    ) in lines
    assert json.loads(debian.read(_RECORD)) == {}
