"""Editing an override: what is shown before it is saved, and what is never saved."""

from __future__ import annotations

import io

import pytest

from esmith.cli.overrides import overrides_command
from esmith.cli.overriding import carry_out
from esmith.errors import ExitCode, UsageError
from esmith.layout import Layout
from esmith.overrides.named import find_named
from esmith.overrides.search import Search
from tests.commands import Answer, Root
from tests.overrides.kit import CUSTOM, all_files, found, ship_older, states

TEMPLATE, NAME = "/etc/own.conf", "MaxFiles"
SHIPPED = f"/etc/e-smith/templates{TEMPLATE}/{NAME}"
MINE = f"{CUSTOM}{TEMPLATE}/{NAME}"
DRAFT = f"/var/lib/e-smith/drafts/edit/templates-custom{TEMPLATE}/{NAME}"


@pytest.fixture
def root(root: Root) -> Root:
    """Return a root with a small template of its own."""
    root.write("/etc/e-smith/events/own-update/templates2expand/etc/own.conf", "")
    ship_older(root, f"templates{TEMPLATE}/{NAME}", "MaxFiles {{ clamav.MaxFiles }}\n")
    ship_older(root, f"templates{TEMPLATE}/MaxThreads", "MaxThreads 1\n")
    return root


def _edit(root: Root, editor: str, *words: str, code: int = 0) -> Answer:
    """Edit with a program that changes the file at once, where nobody is at a terminal."""
    operands = words or (TEMPLATE, NAME)
    return root.run("esmith", "overrides", "edit", *operands, env={"VISUAL": "", "EDITOR": editor}, code=code)


def at_terminal(
    root: Root, monkeypatch: pytest.MonkeyPatch, action: str, operands: tuple[str, ...], editors: str, answers: str
) -> int:
    """Act as somebody at a terminal who gives some answers.

    :param editors: the expression that sed changes the file by.
    """
    return at_terminal_with(root, monkeypatch, action, operands, f"sed -i '{editors}'", answers)


def at_terminal_with(
    root: Root, monkeypatch: pytest.MonkeyPatch, action: str, operands: tuple[str, ...], editor: str, answers: str
) -> int:
    """Act as somebody at a terminal who has an editor and gives some answers."""
    monkeypatch.setenv("VISUAL", editor)
    monkeypatch.setattr("sys.stdin", io.StringIO(answers))
    return carry_out(Layout(str(root.path)), action, operands, says_yes=False, may_ask=True)


def test_a_shipped_fragment_is_copied_and_saved(root: Root) -> None:
    """The shipped text is what is edited; how the file changes is shown, and it is saved with a base."""
    answer = _edit(root, "sed -i 's/{{.*/3000/'")
    assert "+MaxFiles 3000" in answer.out.splitlines()
    assert f"{MINE} is saved" in answer.out
    assert root.read(MINE) == "MaxFiles 3000\n"
    assert root.file(MINE).stat().st_mode & 0o777 == 0o644
    (one,) = found(root).values()
    assert (one.base.text, one.base.probable) == (
        root.file(SHIPPED).read_bytes(),
        False,
    )
    assert not root.file("/var/lib/e-smith/drafts").exists()
    assert list(root.file(f"{CUSTOM}{TEMPLATE}").iterdir()) == [root.file(MINE)]


def test_an_edit_keeps_mode_and_base(root: Root) -> None:
    """An override keeps its mode, and the text it was made from, also when the shipped one is another by now."""
    _edit(root, "sed -i 's/{{.*/3000/'")
    root.file(MINE).chmod(0o640)
    ship_older(root, f"templates{TEMPLATE}/{NAME}", "MaxFiles 7\n")
    _edit(root, "sed -i s/3000/4000/")
    assert (root.read(MINE), root.file(MINE).stat().st_mode & 0o777) == ("MaxFiles 4000\n", 0o640)
    assert states(root) == {f"{TEMPLATE}/{NAME}": "outdated"}


def test_a_broken_fragment_is_not_saved(root: Root) -> None:
    """What is broken stays a draft, which the message names and the next edit goes on with."""
    before = all_files(root)
    answer = _edit(root, "sed -i 's/{{.*/{{/'", code=ExitCode.TEMPLATE)
    assert f"{root.file(DRAFT)}:1: " in answer.err and "/tmp/" not in answer.err.replace(str(root.path), "")
    assert answer.err.splitlines()[-4:] == [
        "  nothing was saved",
        f"  what you wrote is kept as a draft: {root.file(DRAFT)}",
        f"  to go on with it: esmith overrides edit {MINE}",
        f"  to throw it away: esmith overrides discard {MINE}",
    ]
    assert root.read(DRAFT) == "MaxFiles {{\n"
    assert root.file(DRAFT).stat().st_mode & 0o777 == 0o600
    assert {path for path in all_files(root).keys() - before.keys() if "/drafts/" not in path} == set()
    answer = _edit(root, "sed -i 's/{{/5/'")
    assert f"goes on with the draft {root.file(DRAFT)}" in answer.err
    assert root.read(MINE) == "MaxFiles 5\n"


@pytest.mark.program("clamconf")
def test_what_a_check_refuses_is_not_saved(root: Root) -> None:
    """A fragment that makes a file which its program refuses is not saved."""
    answer = _edit(root, "sed -i 's/MaxFiles/Nonsense/'", "/etc/clamd.conf", "MaxFiles", code=ExitCode.CHECK)
    assert "Nonsense" in answer.err and found(root) == {}


def test_what_is_wrong_anyway_keeps_nothing_from_being_saved(root: Root) -> None:
    """A fault of another fragment is shown, and is not held against this one."""
    root.custom(f"{TEMPLATE}/MaxThreads", "{{")
    answer = _edit(root, "sed -i 's/{{.*/3000/'")
    assert "this is wrong already, also without it:" in answer.out
    assert root.read(MINE) == "MaxFiles 3000\n"


def test_nothing_changed(root: Root) -> None:
    """An editor that changes nothing leaves neither an override nor a draft."""
    for name in (NAME, "MaxFile"):
        assert _edit(root, "true", TEMPLATE, name).out == "nothing was changed\n"
    assert found(root) == {} and not root.file(DRAFT).exists()


def test_no_shell_is_started(root: Root) -> None:
    """The words of EDITOR are a command and its arguments; an editor that fails or is not there is an error."""
    _edit(root, 'sh -c \'echo "# $0 $#" > "$0"\'')
    assert root.read(MINE) == f"# {root.file(DRAFT)} 0\n"
    assert "nobody is at a terminal" in _edit(root, "", code=ExitCode.USAGE).err
    assert "ended with status 3" in _edit(root, "sh -c 'exit 3'", code=ExitCode.USAGE).err
    assert "cannot be started" in _edit(root, "/no/such; true", code=ExitCode.USAGE).err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("/etc/own.con", "MaxFiles"), "no event and no shipped template reads"),
        (("/etc/own.conf", "MaxFiles~"), "is the name of a backup file"),
        (("/etc/own.conf", "../x"), "cannot be the name of a fragment"),
        (("templates-custom/../../own.conf/10x",), "no event and no shipped template reads"),
        (("/etc/own.conf",), "has several fragments"),
    ],
)
def test_what_nothing_would_read_is_refused(root: Root, words: tuple[str, ...], message: str) -> None:
    """Nothing is edited that nothing would read."""
    answer = _edit(root, "false", *words, code=ExitCode.USAGE)
    assert message in answer.err
    assert not root.file("/var/lib/e-smith/drafts").exists()


@pytest.mark.parametrize(
    ("words", "template"),
    [
        (("/home/e-smith/files/users/tom/.qmail", "70Forward"), "'/home/e-smith/files/users/{key}/.qmail' 70Forward"),
        (("/etc/clamd.cnf", "MaxFiles"), "/etc/clamd.conf MaxFiles"),
        (("/etc/clamd.cnf",), "/etc/clamd.conf FRAGMENT"),
    ],
)
def test_the_template_that_was_meant_is_named(root: Root, words: tuple[str, ...], template: str) -> None:
    """The message names the template that makes the file of a user, and one whose name is close."""
    answer = _edit(root, "false", *words, code=ExitCode.USAGE)
    assert f"did you mean this template: esmith overrides edit {template}\n" in answer.err


@pytest.mark.parametrize(("answer", "is_saved"), [("y", True), ("YES", True), ("n", False), ("no", False)])
def test_yes_and_no_are_answers(root: Root, monkeypatch: pytest.MonkeyPatch, answer: str, is_saved: bool) -> None:
    """To the question whether it is saved yes saves it, and no leaves it as a draft."""
    at_terminal(root, monkeypatch, "edit", (TEMPLATE, NAME), "s/{{.*/3000/", f"{answer}\n")
    assert (root.file(MINE).exists(), root.file(DRAFT).exists()) == (is_saved, not is_saved)


def test_a_link_to_another_file_is_refused(root: Root) -> None:
    """What a link leads to may be shared; a link that masks is replaced by a file."""
    root.file(f"{CUSTOM}{TEMPLATE}").mkdir(parents=True)
    shared = root.write("/etc/shared", "x\n")
    root.file(MINE).symlink_to(shared)
    assert "is a link to" in _edit(root, "true", code=ExitCode.USAGE).err
    root.file(MINE).unlink()
    root.file(MINE).symlink_to("/dev/null")
    _edit(root, "sh -c 'echo MaxFiles 9 > $0'")
    assert not root.file(MINE).is_symlink() and root.read(MINE) == "MaxFiles 9\n"


def test_a_change_meanwhile_is_not_lost(root: Root) -> None:
    """An override that somebody else changed while it was edited is not written over."""
    root.custom(f"{TEMPLATE}/{NAME}", "MaxFiles 1\n")
    editor = root.write(
        "/editor", f"#!/bin/sh\necho MaxFiles 2 > {root.file(MINE)}\necho MaxFiles 3 > $1\n", mode=0o755
    )
    assert "was changed meanwhile" in _edit(root, str(editor), code=ExitCode.USAGE).err
    assert root.read(MINE) == "MaxFiles 2\n"


def test_it_asks_at_a_terminal(root: Root, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """At a terminal it asks before it saves; left, the draft stays, and what is broken may be edited again."""
    assert at_terminal(root, monkeypatch, "edit", (TEMPLATE, NAME), "s/{{.*/3000/", "leave\n") == ExitCode.FAILED
    assert not root.file(MINE).exists() and root.read(DRAFT) == "MaxFiles 3000\n"
    assert "Save it (save, edit, leave; leave keeps a draft)" in capsys.readouterr().err
    assert at_terminal(root, monkeypatch, "edit", (TEMPLATE, NAME), "s/3000/{{/;t;s/{{/4/", "\n\n") == ExitCode.OK
    assert "What now (edit, leave; leave keeps a draft)" in capsys.readouterr().err
    assert root.read(MINE) == "MaxFiles 4\n"


def test_the_diff_of_an_override(root: Root) -> None:
    """The three diffs: against the shipped text, against the base, and of the shipped text since."""
    _edit(root, "sed -i 's/{{.*/3000/'")
    ship_older(root, f"templates{TEMPLATE}/{NAME}", "MaxFiles 7\n")
    shown = {
        option: [line for line in root.esmith("overrides", "diff", *option, MINE).out.splitlines() if line[:2] != "@@"]
        for option in ((), ("--base",), ("--shipped-change",))
    }
    assert shown == {
        (): [f"--- {SHIPPED}", f"+++ {MINE}", "-MaxFiles 7", "+MaxFiles 3000"],
        ("--base",): ["--- base", f"+++ {MINE}", "-MaxFiles {{ clamav.MaxFiles }}", "+MaxFiles 3000"],
        ("--shipped-change",): ["--- base", f"+++ {SHIPPED}", "-MaxFiles {{ clamav.MaxFiles }}", "+MaxFiles 7"],
    }


@pytest.mark.parametrize(
    "words",
    [
        ("diff",),
        ("--yes",),
        ("--base",),
        ("merge", "a", "b"),
        ("--json", "diff", "a"),
        ("diff", "--base", "--shipped-change", "a"),
    ],
)
def test_what_does_not_go_together(root: Root, words: tuple[str, ...]) -> None:
    """Options and operands that do not go together are refused."""
    with pytest.raises(UsageError):
        overrides_command.main([*words, "--root", str(root.path)], standalone_mode=False)


def test_how_an_override_is_named(root: Root) -> None:
    """An override is found by its path, that of its template or its fragment, and that of the shipped one."""
    root.custom(f"{TEMPLATE}/{NAME}", "MaxFiles 1\n")
    root.custom("/etc/other/10x", "x\n")
    search = Search(Layout(str(root.path)))
    paths = [MINE, str(root.file(MINE)), f"{TEMPLATE}/{NAME}", TEMPLATE, MINE.removeprefix("/etc/e-smith/"), SHIPPED]
    for path in paths:
        assert [one.path for one in find_named(search, [path])] == [MINE], path
    assert len(find_named(search, ["templates-custom"])) == 2
    answer = root.esmith("overrides", f"{TEMPLATE}/MaxFile", code=ExitCode.USAGE)
    assert f"did you mean {MINE}?" in answer.err
