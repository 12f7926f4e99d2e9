"""A file that its program refuses and that only disabled services read is left as it is, and stops nothing else."""

from __future__ import annotations

import json

import pytest

from tests.apply.kit import CHECKER
from tests.commands import Root

CONF = "/etc/daemon/daemon.conf"
PART = "/etc/daemon/part.conf"
OTHER = "/etc/other.conf"
TEMPLATES = "/etc/e-smith/templates"


@pytest.fixture
def daemon(root: Root) -> Root:
    """Return a root with a file of a service, one that it includes, and one of another service."""
    checker = root.write("/checker", CHECKER, mode=0o755)
    check = f'[check]\ncommand = ["{checker}", "{{file}}"]\npackage = "daemon"\n'
    for path, fragment, service in (
        (CONF, "{{ daemon.Word | default('fine') }}\ninclude part.conf\n", "daemon"),
        (OTHER, "{{ other.Word | default('fine') }}\n", "other"),
    ):
        root.write(f"{TEMPLATES}{path}/template-begin", "", shipped=True)
        root.write(f"{TEMPLATES}{path}/10text", fragment, shipped=True)
        root.write(f"{TEMPLATES}{path}/template.toml", f'services = ["{service}"]\n{check}', shipped=True)
    root.write(f"{TEMPLATES}{PART}", "{{ daemon.Part | default('part') }}\n", shipped=True)
    root.write("/etc/e-smith/events/daemon-update/templates2expand", f"{CONF}\n{PART}\n{OTHER}\n")
    root.config("set", "daemon", "service", "status", "enabled")
    root.config("set", "other", "service", "status", "enabled")
    root.signal("daemon-update")
    root.config("setprop", "daemon", "status", "disabled")
    return root


def _break(root: Root, **props: str) -> None:
    """Set properties of the service, and a new word for the other one, which is what must go on."""
    root.config("setprop", "daemon", *(word for prop in props.items() for word in prop))
    root.config("setprop", "other", "Word", "new")


def test_it_is_left_and_the_rest_goes_on(daemon: Root) -> None:
    """The refused file stays old, the message names the fragment and the service, and the others are installed."""
    _break(daemon, Word="broken")
    answer = daemon.signal("daemon-update", code=11)
    assert f"{CONF}: checker refuses it (daemon is disabled), so it is left as it is" in answer.err
    assert f"line 1 comes from {daemon.file(TEMPLATES + CONF)}/10text" in answer.err
    assert "1 file left as it is; everything else was done" in answer.err
    assert daemon.lines(CONF) == ["fine", "include part.conf"]
    assert daemon.lines(OTHER) == ["new"]


def test_it_is_listed_until_it_could_be_made(daemon: Root) -> None:
    """The status lists the file with the reason; each event tries again, and the first that succeeds ends that."""
    _break(daemon, Word="broken")
    assert json.loads(daemon.signal("--json", "daemon-update", code=11).out)["left"].keys() == {CONF}
    left = json.loads(daemon.esmith("status", "--json", code=None).out)["files"]["left"]
    assert left == {CONF: "checker refuses it (daemon is disabled)"}
    daemon.signal("daemon-update", code=11)
    daemon.config("setprop", "daemon", "Word", "better")
    daemon.signal("daemon-update")
    assert daemon.lines(CONF) == ["better", "include part.conf"]
    assert json.loads(daemon.esmith("status", "--json", code=None).out)["files"]["left"] == {}


def test_it_stops_everything_once_the_service_is_enabled(daemon: Root) -> None:
    """When the service is enabled, the file that was left is checked again, and no file of the event is changed."""
    _break(daemon, Word="broken")
    daemon.signal("daemon-update", code=11)
    daemon.config("setprop", "daemon", "status", "enabled")
    daemon.config("setprop", "other", "Word", "newer")
    daemon.signal("daemon-update", code=10)
    assert daemon.lines(OTHER) == ["new"]


def test_a_new_file_is_not_made(daemon: Root) -> None:
    """A refused file that is not there yet is not made."""
    daemon.file(CONF).unlink()
    _break(daemon, Word="broken")
    daemon.signal("daemon-update", code=11)
    assert not daemon.file(CONF).exists()
    assert daemon.lines(OTHER) == ["new"]


def test_a_rehearsal_says_the_same(daemon: Root) -> None:
    """A dry run names the file that would be left, exits as the event would, and changes nothing."""
    _break(daemon, Word="broken")
    before = daemon.snapshot("/etc", "/var")
    answer = daemon.signal("--dry-run", "daemon-update", code=11)
    assert f"{CONF}: checker refuses it (daemon is disabled)" in answer.err
    assert daemon.snapshot("/etc", "/var") == before


def test_expand_template_leaves_it_too(daemon: Root) -> None:
    """What holds for an event holds for a single expansion."""
    _break(daemon, Word="broken")
    assert "(daemon is disabled), so it is left as it is" in daemon.expand(CONF, code=11).err
    assert daemon.lines(CONF) == ["fine", "include part.conf"]


@pytest.mark.parametrize(
    "words",
    [
        ["set", "esmith", "configuration", "Strict", "enabled"],
        ["setprop", "daemon", "status", "enabled"],
        ["delete", "daemon"],
    ],
    ids=["strict", "enabled", "no record"],
)
def test_when_it_stops_everything(daemon: Root, words: list[str]) -> None:
    """A strict system, a service that is enabled and one of which nothing is known: no file is changed."""
    daemon.write(f"{TEMPLATES}{CONF}/10text", "broken\n", shipped=True)
    daemon.config("setprop", "other", "Word", "new")
    daemon.config(*words)
    daemon.signal("daemon-update", code=10)
    assert daemon.lines(OTHER) == ["fine"]


def test_two_services_read_it(daemon: Root) -> None:
    """A file that an enabled service reads besides a disabled one stops everything."""
    toml = daemon.read(f"{TEMPLATES}{CONF}/template.toml")
    daemon.write(f"{TEMPLATES}{CONF}/template.toml", toml.replace('["daemon"]', '["daemon", "other"]'), shipped=True)
    _break(daemon, Word="broken")
    daemon.signal("daemon-update", code=10)


def test_a_fault_of_an_enabled_service_is_named_first(daemon: Root) -> None:
    """When one file stops everything, the other refused file is named after it."""
    daemon.config("setprop", "other", "Word", "broken")
    daemon.config("setprop", "daemon", "Word", "broken")
    answer = daemon.signal("daemon-update", code=10)
    assert answer.err.splitlines()[0] == f"signal-event: {OTHER}: checker refuses it, so no file was changed:"
    assert f"{CONF}: checker refuses it:" in answer.err


def test_an_included_file_is_left_because_of_the_one_that_includes_it(daemon: Root) -> None:
    """An included file that would make a disabled service's file wrong is left: nobody else is known to read it."""
    _break(daemon, Part="broken")
    answer = daemon.signal("daemon-update", code=11)
    assert f"{PART}: with it {CONF} would be wrong: checker refuses it (daemon is disabled)" in answer.err
    assert daemon.lines(PART) == ["part"]
    assert daemon.lines(OTHER) == ["new"]


def test_an_included_file_of_an_enabled_service(daemon: Root) -> None:
    """An included file that an enabled service reads is installed; that the other program refuses it, is a warning."""
    daemon.write(f"{TEMPLATES}/etc/daemon/template.toml", '[files."part.conf"]\nservices = ["other"]\n', shipped=True)
    _break(daemon, Part="broken")
    answer = daemon.signal("daemon-update")
    assert f"{CONF}: checker refuses it, but no service that reads it is enabled" in answer.err
    assert "part.conf is broken" in answer.err
    assert daemon.lines(PART) == ["broken"]
