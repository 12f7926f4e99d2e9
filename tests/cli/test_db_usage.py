"""What ``db`` and ``config`` say when they are called wrongly, or asked for help."""

from __future__ import annotations

import os
import select
import subprocess

import pytest

from esmith.errors import ExitCode
from tests.commands import TIMEOUT_SECONDS, Root
from tests.store.stores import bare_root

#: The original's text, to the byte.
USAGE = """\
usage:
    /sbin/e-smith/db dbfile keys
    /sbin/e-smith/db dbfile print [key]
    /sbin/e-smith/db dbfile show [key]
    /sbin/e-smith/db dbfile get key
    /sbin/e-smith/db dbfile set key type [prop1 val1] [prop2 val2] ...
    /sbin/e-smith/db dbfile setdefault key type [prop1 val1] [prop2 val2] ...
    /sbin/e-smith/db dbfile delete key
    /sbin/e-smith/db dbfile printtype [key]
    /sbin/e-smith/db dbfile gettype key
    /sbin/e-smith/db dbfile settype key type
    /sbin/e-smith/db dbfile printprop key [prop1] [prop2] [prop3] ...
    /sbin/e-smith/db dbfile getprop key prop
    /sbin/e-smith/db dbfile setprop key prop1 val1 [prop2 val2] [prop3 val3] ...
    /sbin/e-smith/db dbfile delprop key prop1 [prop2] [prop3] ...
"""
#: The lines of the verbs that need arguments. Changed: gettype has its own line; the original prints that of get.
LINES = {line.split()[2]: line.strip() + "\n" for line in USAGE.splitlines()[1:]}
VERBS = list(LINES)

#: Calls that lack arguments. Changed: every usage error exits 2; the original's code depends on errno (255 or 2).
MISSING = [
    ["get"],
    ["get", ""],
    ["gettype"],
    ["gettype", ""],
    ["printprop"],
    ["printprop", ""],
    ["getprop"],
    ["getprop", "k"],
    ["getprop", "", "p"],
    ["getprop", "k", ""],
    ["set"],
    ["set", "k"],
    ["set", "", "v"],
    ["set", "k", "v", "p"],
    ["set", "k", "v", "p", "1", "q"],
    ["setdefault"],
    ["setdefault", "k"],
    ["setdefault", "", "v"],
    ["setdefault", "k", ""],
    ["setdefault", "k", "v", "p"],
    ["settype"],
    ["settype", "k"],
    ["settype", "", "v"],
    ["settype", "k", ""],
    ["setprop"],
    ["setprop", "k"],
    ["setprop", "k", "p"],
    ["setprop", "", "p", "1"],
    ["setprop", "k", "p", "1", "q"],
    ["delete"],
    ["delete", ""],
    ["delprop"],
    ["delprop", "k"],
    ["delprop", "", "p"],
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """Return a root for all tests here, since none of them changes anything."""
    root = bare_root(tmp_path_factory.mktemp("usage") / "root")
    root.db("t", "set", "k", "v", "p", "old")
    return root


@pytest.mark.parametrize("words", MISSING, ids=" ".join)
def test_missing_arguments(shared: Root, words: list[str]) -> None:
    """A verb without its arguments prints its own usage line on stderr, exits 2 and changes nothing."""
    answer = shared.db("t", *words, code=ExitCode.USAGE)
    assert (answer.out, answer.err) == ("", LINES[words[0]])
    assert shared.db("t", "print").out == "k=v|p|old\n"


@pytest.mark.parametrize(
    "words",
    [[], ["t"], ["t", "nosuch"], ["t", "nosuch", "k"], ["t", "GET", "k"], ["t", ""], [""], ["", "keys"]],
    ids=" ".join,
)
def test_no_command(shared: Root, words: list[str]) -> None:
    """Without a verb, with an unknown one, or without a database the whole usage is printed on stderr, exit 2."""
    answer = shared.db(*words, code=ExitCode.USAGE)
    assert (answer.out, answer.err) == ("", USAGE)


@pytest.mark.parametrize("words", [[], ["nosuch"], ["Get", "k"], ["--unknown", "show"]], ids=" ".join)
def test_config_shows_the_usage_of_db(shared: Root, words: list[str]) -> None:
    """``config`` prints the usage of ``db``, as the original."""
    answer = shared.config(*words, code=ExitCode.USAGE)
    assert (answer.out, answer.err) == ("", USAGE)


@pytest.mark.parametrize(
    "name", [".hidden", "=journal", "-x", "é", "a b", "/home/e-smith/db/=journal", "../db/.hidden"]
)
@pytest.mark.parametrize("words", [["keys"], ["set", "k", "v"]], ids=" ".join)
def test_names_that_are_no_database(shared: Root, name: str, words: list[str]) -> None:
    """An odd name is refused with a hint, exit 2, also as a path to the directory of the databases."""
    answer = shared.db(name, *words, code=ExitCode.USAGE)
    assert answer.out == ""
    assert answer.err.startswith("db: ")
    assert len(answer.err.splitlines()) == 2


@pytest.mark.parametrize("program", ["db", "config"])
@pytest.mark.parametrize("where", ["first", "last"])
def test_help(shared: Root, program: str, where: str) -> None:
    """--help prints every verb and example commands on stdout, exit 0, before or after the database."""
    words = ["--help"] if program == "config" or where == "first" else ["t", "--help"]
    answer = shared.run(program, *words)
    assert answer.err == ""
    lines = [line.split()[0] for line in answer.out.splitlines() if line.startswith("  ")]
    assert set(VERBS) <= set(lines)
    for option in ("--root", "--force", "--json"):
        assert option in answer.out
    assert "config setprop qpsmtpd DNSBL enabled" in answer.out


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb(shared: Root, verb: str) -> None:
    """--help after a verb prints its arguments as in the usage line, and what it does."""
    for words in (["t", verb, "--help"], ["--help", "t", verb], ["t", "--help", verb, "k"]):
        answer = shared.db(*words)
        operands = LINES[verb].strip().removeprefix(f"/sbin/e-smith/db dbfile {verb}").strip()
        head = " ".join(answer.out.partition("\n\n")[0].split())
        assert head == f"Usage: db DATABASE {verb} [OPTIONS] {operands}".strip()
        assert answer.err == ""


def test_help_needs_no_root(shared: Root) -> None:
    """Help is given where there are no databases."""
    assert "Usage:" in shared.run("config", "--help", env={"ESMITH_ROOT": "/nonexistent"}).out


@pytest.mark.parametrize("words", [["setprop", "nosuch", "p", "1"], ["delprop", "nosuch", "p"]], ids=" ".join)
@pytest.mark.parametrize("program", [["config"], ["db", "t"]], ids=" ".join)
def test_nothing_was_done(shared: Root, program: list[str], words: list[str]) -> None:
    """setprop and delprop of a missing record exit 0; at a terminal a message says that nothing was changed."""
    name, *database = program
    assert shared.run(name, *database, *words).err == ""
    message = on_terminal(shared, name, *database, *words)
    assert message.startswith(f"{name}: nothing was changed:")
    # This root has no settings; the first thing that is missing is named.
    assert ("there is no database 'configuration'" if name == "config" else "'nosuch'") in message


def on_terminal(root: Root, program: str, *words: str) -> str:
    """Run a command that must exit 0 with a terminal as its stderr; return what is shown there."""
    terminal, stderr = os.openpty()
    try:
        done = subprocess.run(
            [str(root.path / "sbin/e-smith" / program), *words],
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env={**os.environ, "ESMITH_ROOT": str(root.path)},
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert done.returncode == 0
        ready, _, _ = select.select([terminal], [], [], 0)
        return os.read(terminal, 10_000).decode() if ready else ""
    finally:
        os.close(terminal)
        os.close(stderr)
