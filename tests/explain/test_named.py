"""Which file a word means, and what a word that means none is answered with: the command that was perhaps meant."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from esmith.errors import UsageError
from esmith.explain.named import configured_path, is_file, require_no_other_root
from esmith.layout import Layout
from esmith.status.cures import with_root
from tests.commands import Root

LOCAL = "/etc/mail/spamassassin/local.cf"


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Return a root with a blank in its name, in whose directory /etc/mail we are."""
    for name in ("etc/e-smith/templates", "home/e-smith/db", "etc/mail"):
        (tmp_path / "a root" / name).mkdir(parents=True)
    (tmp_path / "a root/etc/mail/x.cf").touch()
    monkeypatch.chdir(tmp_path / "a root/etc/mail")
    return Layout(str(tmp_path / "a root"))


@pytest.mark.parametrize(
    ("word", "path", "line"),
    [
        ("/etc/mail/x.cf:12", "/etc/mail/x.cf", 12),
        ("./x.cf:12", "/etc/mail/x.cf", 12),
        ("x.cf", "/etc/mail/x.cf", None),
        ("../a:b", "/etc/a:b", None),
        ("{root}/etc/mail/x.cf:3", "/etc/mail/x.cf", 3),
        ("{root}", "/", None),
        ("../../../a root/etc/x", "/etc/x", None),
        ("/etc/../etc//x:1:2", "/etc/x:1", 2),
    ],
)
def test_a_path_below_the_root(word: str, path: str, line: int | None, layout: Layout) -> None:
    """A path of the configured system, one of this disk below the root, and one from here mean the same file."""
    assert configured_path(layout, word.format(root=layout.root)) == (path, line)


def test_a_root_by_another_name(layout: Layout, tmp_path: Path) -> None:
    """A root that is named by a link is the same root."""
    (tmp_path / "link").symlink_to(layout.root)
    other = Layout(str(tmp_path / "link"))
    for word in ("./x.cf:2", f"{tmp_path}/link/etc/mail/x.cf:2", f"{layout.root}/etc/mail/x.cf:2"):
        assert configured_path(other, word) == ("/etc/mail/x.cf", 2)


def test_a_path_elsewhere(layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of the root a relative path is refused; where the root has such a file the command for that is named."""
    monkeypatch.chdir(tmp_path)
    for word, hint in (("etc/mail/x.cf:2", "did you mean: esmith explain /etc/mail/x.cf:2"), ("./x", "absolute path")):
        with pytest.raises(UsageError) as found:
            configured_path(layout, word)
        assert "is not below the root" in found.value.message and hint in found.value.hint


def test_a_path_of_another_root(layout: Layout, tmp_path: Path) -> None:
    """A path below the folder of another root is answered with the command for that root, which the shell takes."""
    (tmp_path / "own").mkdir()
    for word in ("./x.cf:2", f"{layout.root}/etc/mail/x.cf:2"):
        with pytest.raises(UsageError) as found:
            configured_path(Layout(str(tmp_path / "own")), word)
        command = with_root(found.value.hint, "/other").partition(": ")[2]
        assert shlex.split(command) == ["esmith", "--root", layout.root, "explain", "/etc/mail/x.cf:2"]
    require_no_other_root(layout, "./x.cf")


def test_what_looks_like_a_file(layout: Layout) -> None:
    """A word with a slash or a line is meant as a file, and one that is there in this directory; no other is."""
    assert [is_file(word) for word in ("etc/x", "x:1", "x.cf", "qpsmtpd", "x:y")] == [True, True, True, False, False]
    assert layout.root


def test_hints_are_commands(worked: Root) -> None:
    """What is no line, no file of ours, a directory or a fragment gets the command that was meant, as far as known."""
    count = len(worked.lines(LOCAL))
    worked_custom = "/etc/e-smith/templates-custom" + LOCAL
    answers = {
        f"{LOCAL}:{count + 1}": f"shows the last one: esmith explain {LOCAL}:{count}",
        "/etc/e-smith/db/configuration/qpsmtpd.toml": "another program writes it",
        "/etc/mail/spamassassin": f"esmith explain {LOCAL}",
        f"{worked_custom}/20localscores": f"see what it does: esmith explain {LOCAL}",
        "/etc/e-smith/templates/var/qmail/control/queuelifetime": "esmith explain /var/qmail/control/queuelifetime",
        "/etc/clamd.con": "did you mean: esmith explain /etc/clamd.conf",
    }
    for word, hint in answers.items():
        assert hint in worked.esmith("explain", word, code=2).err
    assert worked.esmith("explain", str(worked.path) + LOCAL).out.startswith(f"{LOCAL}: as generated")


def test_a_database_in_front(worked: Root) -> None:
    """A database before the record is understood by explain; describe says where a database stands."""
    assert worked.esmith("explain", "accounts", "john", "Uid").out.startswith("accounts john Uid = ")
    assert "esmith explain accounts john Uid" in worked.esmith("explain", "john", "Uid", code=2).err
    for words, command in (
        (("accounts", "john", "Uid"), "run: db accounts describe john Uid"),
        (("configuration", "qpsmtpd", "DNSBL"), "run: config describe qpsmtpd DNSBL"),
        (("accounts", "john"), "run: db accounts describe john"),
        (("spamassassin", "wbl.global", "Black"), "run: db spamassassin describe wbl.global Black"),
    ):
        assert command in worked.config("describe", *words, code=2).err
    assert worked.config("describe", "spamassassin", "Sensitivity").out.startswith("configuration spamassassin")


def test_a_search_that_finds_nothing(worked: Root) -> None:
    """A search that finds nothing says so on stderr and exits with 1, as JSON with an empty list."""
    assert worked.config("search", "no such word", code=1).err == "config: nothing is found\n"
    answer = worked.config("--json", "search", "no such word", code=1)
    assert (json.loads(answer.out), answer.err) == ([], "")


@pytest.mark.parametrize(
    ("fragment", "code"),
    [
        ("{% if clamav.MaxFiles == '7' %}Bogus x\n{% endif %}", 10),
        ("{% if clamav.MaxFiles == '7' %}{{ no.such }}\n{% endif %}", 4),
        ("", 0),
    ],
    ids=["refused by a check", "broken", "sound"],
)
def test_the_exit_code_of_if(fragment: str, code: int, office: Root) -> None:
    """The exit code of --if is the one with which the event would end, and --json has it."""
    office.write("/etc/e-smith/checks/own_clamd.py", _RULE)
    office.custom("/etc/clamd.conf/template.toml", 'check = { own = "own-clamd" }\n')
    office.custom("/etc/clamd.conf/50own", fragment)
    answer = office.esmith("explain", "--json", "clamav", "MaxFiles", "--if", "7", code=code)
    assert json.loads(answer.out)["if"]["exit_code"] == code
    office.config("setprop", "clamav", "MaxFiles", "7")
    office.signal("--dry-run", "clamav-update", code=code)


_RULE = """
from esmith.checks.own.file import Findings

def rule_for(path):
    def rule(file):
        return Findings.of("clamd", [(number, "is bogus") for number, line in file.lines() if line.startswith("Bogus")])
    return rule
"""
