"""How a missing program shows: what a test that names it does, and what a transcript may overlook."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import programs, unchecked
from tests.programs import PACKAGES, is_installed, missing, path_of, require
from tests.unchecked import without_unchecked

CLAMD = "signal-event: /etc/clamd.conf was not checked: clamconf is not installed (Debian package clamav-daemon)\n"
BOTH = (
    "expand-template: /etc/clamd.conf, /etc/freshclam.conf were not checked: "
    "clamconf is not installed (Debian package clamav-daemon)\n"
)


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a machine on which nothing is installed."""
    monkeypatch.setattr(programs, "_find", lambda _name: None)


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a machine on which all is installed."""
    monkeypatch.setattr(programs, "_find", lambda name: f"/usr/bin/{name}")


@pytest.mark.usefixtures("nothing")
def test_a_test_without_its_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that names what is not there is skipped with the package's name, and fails where all is required."""
    text = r"php is not installed \(Debian package php-cli\)"
    monkeypatch.delenv("ESMITH_REQUIRE_DAEMONS", raising=False)
    with pytest.raises(pytest.skip.Exception, match=text):
        require(["php"])
    monkeypatch.setenv("ESMITH_REQUIRE_DAEMONS", "1")
    with pytest.raises(pytest.fail.Exception, match=text):
        require(["php"])
    with pytest.raises(pytest.fail.Exception, match=text + r"; openssl is not installed \(Debian package openssl\)"):
        require(["php", "openssl"])
    require([])


@pytest.mark.usefixtures("everything")
def test_what_is_not_named_is_not_given() -> None:
    """A test gets the path of what it has named, and fails when it asks for another program, installed or not."""
    require(["php"])
    assert path_of("php") == "/usr/bin/php"
    with pytest.raises(AssertionError, match="does not say so"):
        path_of("openssl")
    require([])
    with pytest.raises(AssertionError, match="does not say so"):
        path_of("php")


def test_a_program_that_is_hidden_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is neither a program nor a file, as /dev/null in its place, does not count; a file and a program do."""
    program = tmp_path / "esmith-tests-tool"
    program.write_text("#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not is_installed("esmith-tests-tool")
    program.chmod(0o755)
    assert is_installed("esmith-tests-tool")
    assert is_installed(str(program))
    program.unlink()
    program.symlink_to("/dev/null")
    assert not is_installed("esmith-tests-tool")
    assert not is_installed(str(program))
    assert not is_installed("No::Such::Module")


def test_a_name_of_the_table(request: pytest.FixtureRequest) -> None:
    """A marker may name only what the table knows, and a module of Perl is of no use without perl."""
    item = request.node
    item.add_marker(pytest.mark.program("Text::Template", "openssl"))
    assert sorted(programs.names_of(item)) == ["Text::Template", "openssl", "perl"]
    item.add_marker(pytest.mark.program("no-such-program"))
    with pytest.raises(pytest.UsageError, match="names 'no-such-program'"):
        programs.names_of(item)
    assert missing("perl") == "" or PACKAGES["perl"] in missing("perl")


@pytest.mark.usefixtures("nothing")
@pytest.mark.parametrize("line", [CLAMD, BOTH])
def test_a_line_about_a_missing_checker_is_overlooked(line: str) -> None:
    """The line of a file whose checker is not installed is left out, and nothing beside it."""
    assert without_unchecked(f"one\n{line}two\n{line}three") == "one\ntwo\nthree"


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("line", [CLAMD, BOTH])
def test_a_line_about_an_installed_checker_is_not_overlooked(line: str) -> None:
    """Where the checker is installed the line is wrong, and stays."""
    assert without_unchecked(line) == line


@pytest.mark.usefixtures("nothing")
@pytest.mark.parametrize(
    "line",
    [
        CLAMD.replace("clamav-daemon", "clamav"),
        CLAMD.replace("clamconf", "php"),
        CLAMD.replace("/etc/clamd.conf", "/etc/passwd"),
        CLAMD.replace("/etc/clamd.conf", "/etc/clamd.conf, /etc/php.ini"),
        CLAMD.replace("was not checked", "was not written"),
        CLAMD.replace("signal-event: ", ""),
        CLAMD.replace("signal-event", "config"),
        CLAMD.replace("\n", " and more\n"),
        CLAMD.replace("\n", ""),
        "  " + CLAMD,
        "signal-event: /etc/php.ini was not checked: its check is off: it is slow (/x)\n",
    ],
)
def test_other_lines_stay(line: str) -> None:
    """A line that names another package, program or file, or that says anything else, is not overlooked."""
    assert without_unchecked(line) == line


@pytest.mark.parametrize("there", [False, True])
def test_lists_of_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool) -> None:
    """That lists of plugins were not checked is overlooked where qpsmtpd's directory is not there, and only of them."""
    directory = str(tmp_path) if there else str(tmp_path / "none")
    reason = unchecked._NO_PLUGINS.replace(unchecked._PLUGINS, directory)
    monkeypatch.setattr(unchecked, "_NO_PLUGINS", reason)
    monkeypatch.setattr(unchecked, "_PLUGINS", directory)
    lists = "/var/service/qpsmtpd/config/peers/0, /var/service/qpsmtpd/config/peers/local"
    line = f"signal-event: {lists} were not checked: {reason}\n"
    assert without_unchecked(line) == (line if there else "")
    other = line.replace("peers/local", "peers/local, /etc/clamd.conf")
    assert without_unchecked(other) == other


def test_every_package_has_a_name() -> None:
    """The table names a Debian package for each, in the letters Debian allows."""
    assert all(set(package) <= set("abcdefghijklmnopqrstuvwxyz0123456789.+-") for package in PACKAGES.values())
    assert os.environ.get("ESMITH_REQUIRE_DAEMONS") != "1" or all(missing(name) == "" for name in PACKAGES)


def test_a_daemon_that_no_package_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where it is not, a test that drives it is skipped, also where all programs are required; ``.ci/skips`` agrees."""
    monkeypatch.setenv("ESMITH_REQUIRE_DAEMONS", "1")
    monkeypatch.setitem(programs.UNPACKAGED, "qmail", str(tmp_path / "qmail-local"))
    with pytest.raises(pytest.skip.Exception) as skipped:
        programs.require_daemons(["qmail"])
    log = tmp_path / "log"
    log.write_text(f"SKIPPED [1] tests/x.py:1: {skipped.value.msg}\n1 passed, 1 skipped in 0.1s\n")
    checker = Path(__file__).parents[1] / ".ci/skips"
    done = subprocess.run([sys.executable, checker, log], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "qmail-local").touch()
    programs.require_daemons(["qmail"])
