"""Checking staged files with the programs that read them (``check`` in template.toml)."""

from __future__ import annotations

import json

import pytest

from tests.apply.kit import CHECKER
from tests.commands import Root

CONF = "/etc/daemon/daemon.conf"
TEMPLATE = f"/etc/e-smith/templates{CONF}"


@pytest.fixture
def daemon(root: Root) -> Root:
    """Return a root with a template that is checked by a program of the test, and an event that expands it."""
    checker = root.write("/checker", CHECKER, mode=0o755)
    root.write(f"{TEMPLATE}/template-begin", "", shipped=True)
    root.write(f"{TEMPLATE}/10first", "first\n", shipped=True)
    root.write(f"{TEMPLATE}/20second", "{{ daemon.Word | default('second') }}\n", shipped=True)
    root.write(
        f"{TEMPLATE}/template.toml", f'[check]\ncommand = ["{checker}", "{{file}}"]\npackage = "daemon"\n', shipped=True
    )
    root.write("/etc/e-smith/templates/etc/daemon/part.conf", "{{ daemon.Part | default('part') }}\n", shipped=True)
    root.write("/etc/e-smith/events/daemon-update/templates2expand", "/etc/daemon/daemon.conf\n/etc/daemon/part.conf\n")
    root.config("set", "daemon", "service", "status", "enabled")
    root.signal("daemon-update")
    return root


def test_a_refused_file_is_not_installed_and_the_message_names_the_fragment(daemon: Root) -> None:
    """A file its program refuses stays old, and so do the others of the event; the message names the fragment."""
    before = daemon.snapshot("/etc/daemon")
    daemon.config("setprop", "daemon", "Word", "broken", "Part", "new part")
    answer = daemon.signal("daemon-update", code=10)
    assert daemon.snapshot("/etc/daemon") == before
    assert CONF in answer.err
    assert f"line 2 comes from {daemon.file(TEMPLATE)}/20second" in answer.err


def test_a_program_with_another_name_here(daemon: Root) -> None:
    """Where a program has another name than on Debian, it is run by that; where it has none, the message has the first.

    A program without a path is one of the machine, so the other name is the path of the test's own program.
    """
    file, checker = f"{TEMPLATE}/template.toml", daemon.file("/checker")
    names = f'command = ["no-such-daemon", "{{file}}"]\npackage = "daemon"\nalso-called = ["nor-this", "{checker}"]\n'
    daemon.write(file, f"[check]\n{names}", shipped=True)
    daemon.config("setprop", "daemon", "Word", "broken")
    assert "line 2 comes from" in daemon.signal("daemon-update", code=10).err
    daemon.write(file, f"[check]\n{names}".replace(str(checker), "nor-that"), shipped=True)
    assert "no-such-daemon is not installed (Debian package daemon)" in daemon.signal("daemon-update").err


def test_an_accepted_file_is_installed(daemon: Root) -> None:
    """A file its program accepts is installed."""
    daemon.config("setprop", "daemon", "Word", "fine")
    daemon.signal("daemon-update")
    assert daemon.lines(CONF) == ["first", "fine"]


def test_an_included_file_is_checked_as_it_will_be(daemon: Root) -> None:
    """The check sees the new text of a file that is included, even when the including file does not change."""
    daemon.write(f"{TEMPLATE}/30include", "include part.conf\n", shipped=True)
    daemon.signal("daemon-update")
    daemon.config("setprop", "daemon", "Part", "broken")
    answer = daemon.signal("daemon-update", code=10)
    assert "part.conf is broken" in answer.err
    assert daemon.lines("/etc/daemon/part.conf") == ["part"]


@pytest.mark.parametrize(
    ("reads", "checked"),
    [("", True), ("reads = []\n", False), ('reads = ["/etc/*/p*.conf"]\n', True), ('reads = ["/etc/*.conf"]\n', False)],
    ids=["same directory", "nothing", "named", "elsewhere"],
)
def test_a_file_is_checked_again_when_one_it_reads_changes(daemon: Root, reads: str, checked: bool) -> None:
    """A file that stays the same is checked when one of the files changes that its check names, and not otherwise."""
    toml = daemon.read(f"{TEMPLATE}/template.toml")
    daemon.write(f"{TEMPLATE}/template.toml", toml + reads, shipped=True)
    daemon.signal("daemon-update")
    daemon.config("setprop", "daemon", "Part", "new")
    answer = json.loads(daemon.signal("--json", "daemon-update").out)
    assert answer["checked"] == [CONF] * checked


def test_a_file_beside_it_that_is_not_generated_is_seen(daemon: Root) -> None:
    """The check sees the files of the directory that the event does not touch."""
    daemon.write("/etc/daemon/local.conf", "broken\n")
    daemon.write(f"{TEMPLATE}/30include", "include local.conf\n", shipped=True)
    daemon.signal("daemon-update", code=10)


def test_a_check_that_has_no_rule_for_its_file_is_reported(daemon: Root) -> None:
    """A file whose own template.toml names a check without a rule for it is reported as not checked."""
    daemon.write(f"{TEMPLATE}/template.toml", 'check = { own = "qmail-users" }\n', shipped=True)
    daemon.config("setprop", "daemon", "Word", "new")
    answer = daemon.signal("daemon-update")
    assert f"{CONF} was not checked: the check 'qmail-users' has no rule for a file of this name" in answer.err
    assert f"({daemon.file(TEMPLATE)}/template.toml)" in answer.err
    assert daemon.lines(CONF) == ["first", "new"]


def test_an_inherited_check_may_have_no_rule_for_a_file(daemon: Root) -> None:
    """A check that a directory above names is for those of its files that it knows; the others get no message."""
    daemon.file(f"{TEMPLATE}/template.toml").unlink()
    daemon.write("/etc/e-smith/templates/etc/daemon/template.toml", 'check = { own = "qmail-users" }\n', shipped=True)
    daemon.config("setprop", "daemon", "Word", "new")
    assert daemon.signal("daemon-update").err == ""


def test_what_a_program_prints_may_decide(daemon: Root) -> None:
    """A program whose exit status is always 0 refuses a file by what it prints, when fails-on says so."""
    checker = daemon.write("/checker", '#!/bin/sh\ncat "$1"\n', mode=0o755)
    toml = f'[check]\ncommand = ["{checker}", "{{file}}"]\npackage = "daemon"\nfails-on = "^bro.en"\n'
    daemon.write(f"{TEMPLATE}/template.toml", toml, shipped=True)
    daemon.config("setprop", "daemon", "Word", "broken")
    assert "broken" in daemon.signal("daemon-update", code=10).err


def test_a_missing_program_is_reported_not_passed(daemon: Root) -> None:
    """A file whose program is not installed is installed, and reported as not checked, with the package to install."""
    toml = '[check]\ncommand = ["no-such-program", "{file}"]\npackage = "no-such-package"\n'
    daemon.write(f"{TEMPLATE}/template.toml", toml, shipped=True)
    daemon.config("setprop", "daemon", "Word", "broken")
    answer = daemon.signal("-v", "daemon-update")
    assert "was not checked: no-such-program is not installed (Debian package no-such-package)" in answer.err


def test_a_program_that_hangs_fails_the_check(daemon: Root) -> None:
    """A check that does not end in time leaves the old file."""
    toml = '[check]\ncommand = ["sleep", "60"]\npackage = "coreutils"\ntimeout = 0.2\n'
    daemon.write(f"{TEMPLATE}/template.toml", toml, shipped=True)
    daemon.config("setprop", "daemon", "Word", "fine")
    assert "did not end within 0.2 s" in daemon.signal("daemon-update", code=10).err
    assert daemon.lines(CONF) == ["first", "second"]


@pytest.mark.parametrize("command", [["signal-event", "daemon-update"], ["expand-template", CONF]])
def test_a_dry_run_checks_too(daemon: Root, command: list[str]) -> None:
    """--dry-run reports what the check would refuse, and changes nothing."""
    program, *words = command
    before = daemon.snapshot("/etc/daemon")
    daemon.config("setprop", "daemon", "Word", "fine")
    daemon.run(program, "--dry-run", *words)
    daemon.config("setprop", "daemon", "Word", "broken")
    refused = daemon.run(program, "--dry-run", "--diff", *words, code=10)
    assert CONF in refused.err
    assert "+broken" in refused.out
    assert daemon.snapshot("/etc/daemon") == before


def test_the_view_is_gone_afterwards(daemon: Root) -> None:
    """Neither a passed nor a failed check leaves files behind."""
    daemon.config("setprop", "daemon", "Word", "broken")
    daemon.signal("daemon-update", code=10)
    daemon.config("setprop", "daemon", "Word", "fine")
    daemon.signal("daemon-update")
    assert list(daemon.file("/var/lib/e-smith").glob("check/*")) == []
    assert not list(daemon.file("/etc/daemon").glob(".*"))


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[check]\npackage = 'x'\n", "needs one of command, own and off"),
        ("[check]\ncommand = 'sh -c x'\npackage = 'x'\n", "[check] command must be a list of strings, not 'sh -c x'"),
        (
            "[check]\ncommand = ['x']\npackage = 'x'\nfails-on = '('\n",
            "[check] fails-on '(' is not a regular expression",
        ),
        ("[check]\nown = 'qmial-users'\n", "[check] there is no check 'qmial-users'\n  did you mean 'qmail-users'?"),
        ("[check]\nown = '../x'\n", "[check] own must be a name of letters, digits and -, not '../x'"),
    ],
    ids=["no command", "a shell string", "a broken pattern", "an unknown check", "a path for a check"],
)
def test_a_wrong_check_is_an_error_of_the_template(daemon: Root, toml: str, message: str) -> None:
    """A check that is not written as documented is refused with the file that says it."""
    path = daemon.write(f"{TEMPLATE}/template.toml", toml, shipped=True)
    answer = daemon.signal("daemon-update", code=4)
    assert message in answer.err
    assert str(path) in answer.err


def test_a_refused_file_names_the_settings_that_could_not_be_set(daemon: Root) -> None:
    """A stored value that its type does not allow is named with the command that changes it; other settings are not."""
    daemon.write("/etc/e-smith/db/configuration/daemon.toml", '[properties.Word]\ntype = "hostname"\n')
    refused = daemon.config("setprop", "daemon", "Word", "broken it", code=3)
    assert "is not a host name" in refused.err
    daemon.config("--force", "setprop", "daemon", "Word", "broken it", "Part", "x y")
    answer = daemon.signal("daemon-update", code=10)
    assert (
        "the setting configuration daemon Word holds 'broken it', which is not a host name, as mail.example.com; "
        "change it: config setprop daemon Word VALUE\n"
    ) in answer.err
    assert "daemon Part" not in answer.err
