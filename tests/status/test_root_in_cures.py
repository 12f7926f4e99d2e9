"""The commands that messages show are for the root that --root named: pasted, they do there what the message says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from esmith.errors import ExitCode
from esmith.status.cures import with_root
from tests.commands import Answer, Root
from tests.test_cures import OURS, _cures, _texts

OPTION = r" --root /a\ b"


def _of_ours(text: str) -> list[str]:
    return [cure for cure in _cures(text) if cure.split()[0].rpartition("/")[2] in OURS]


@pytest.mark.parametrize("before", ["  ", "something is wrong: "], ids=["on a line of its own", "after a colon"])
def test_each_command_of_each_message_gets_the_root(before: str) -> None:
    """In every text that may be shown each command of ours names the root, and nothing else is changed."""
    texts = [f"{before}{text}" for _, text in _texts() if _of_ours(f"{before}{text}") and "--root" not in text]
    assert len(texts) > 40
    for text in texts:
        shown = with_root(text, "/a b")
        assert shown.replace(OPTION, "") == text
        assert all(shlex.split(cure)[1:3] == ["--root", "/a b"] for cure in _of_ours(shown)), shown


@pytest.mark.parametrize(
    "text",
    [
        "signal-event email-update was interrupted; the old content of 2 files was restored",
        "running now: signal-event email-update",
        "confirmed: signal-event email-update",
        "the files of signal-event email-update were taken back",
        "make them with: esmith --root /x init",
        "to store it anyway: db --force --root /x domains set a domain",
        "it is pending (esmith services)",
        "install it: apt-get install perl",
    ],
)
def test_what_is_no_command_to_type_stays(text: str) -> None:
    """A command that was called, one with a root, one in parentheses and those of others are left as they are."""
    assert with_root(text, "/r") == text


@pytest.mark.parametrize("root", ["/a b", "/it's", 'x"y', "/a$b", "/a;b", "/a\\b", "/ä", "../a*", "#a", "~"])
def test_a_root_is_written_for_the_shell(root: str) -> None:
    """Whatever the directory is called, the shell reads it as one word, also where the command stands in quotes."""
    assert shlex.split(with_root("run: esmith recover", root).removeprefix("run: "))[2] == root
    assert with_root("'esmith history' lists them", "/a b") == r"'esmith --root /a\ b history' lists them"


def test_without_the_option_nothing_is_changed() -> None:
    """A root of the environment, and the machine itself, need no option."""
    assert with_root("run: esmith recover", "") == "run: esmith recover"


def _run(root: Root, program: str, *words: str, code: int) -> Answer:
    return root.run(program, "--root", str(root.path), *words, code=code, env={"ESMITH_ROOT": "/nonexistent"})


def _cure(text: str) -> list[str]:
    """Return the words of the only command that a message shows."""
    (cure,) = _of_ours(text)
    return shlex.split(cure)


def test_the_cure_of_an_error_can_be_pasted(office: Root) -> None:
    """The command in an error of db, and that of esmith, is carried out on the root that was given."""
    office.config("setprop", "clamav", "MaxFiles", "2000")
    office.config("setprop", "clamav", "MaxFiles", "3000")
    number = re.findall(r"^revision (\d+)", office.esmith("history").out, re.MULTILINE)[1]
    words = _cure(_run(office, "esmith", "undo", number, code=1).err)
    assert words == ["esmith", "--root", str(office.path), "undo", "--force", number]
    office.run(*words, env={"ESMITH_ROOT": "/nonexistent"})
    assert office.config("getprop", "clamav", "MaxFiles").out != "3000\n"


def test_a_report_names_the_root_as_well(office: Root) -> None:
    """What esmith status shows to type names the root, where it was given, and no root of the environment."""
    office.write("/etc/e-smith/events/actions/qmail-newu", "#!/bin/sh\nexit 1\n", mode=0o755, shipped=True)
    office.db("accounts", "set", "mary", "user", "Uid", "6001")
    office.run("expand-template", "/var/qmail/users/assign", code=None)
    status = ("esmith", "status", "-v")
    named, in_environment = _run(office, *status, code=ExitCode.PENDING), office.run(*status, code=ExitCode.PENDING)
    for answer, root in ((named, str(office.path)), (in_environment, "")):
        (line,) = [line for line in answer.out.splitlines() if line.startswith("stale since")]
        words = line.partition("; make it with: ")[2].split()
        assert words == ["esmith", *(["--root", root] if root else []), "recover"]


def test_init_names_the_root(tmp_path: Path, root: Root) -> None:
    """After esmith init --root the next command names the root; by the environment the variable is named."""
    given, environment = tmp_path / "given", tmp_path / "environment"
    environment.mkdir()
    out = root.esmith("init", "--root", str(given)).out
    assert f"\nnext: signal-event --root {given} email-update\n" in out
    assert f"\n{given} is ready" in f"\n{out}"
    assert f"to set your domain: config --root {given} set DomainName YOUR.DOMAIN" in out
    out = root.run("esmith", "init", env={"ESMITH_ROOT": str(environment)}).out
    assert f"\nnext: signal-event email-update (with ESMITH_ROOT={environment})\n" in out
    assert "--root" not in out
