"""Many commands from standard input, all or none: ``db DATABASE batch``."""

from __future__ import annotations

import json
import random
import shlex
import subprocess

import pytest

from esmith.errors import ExitCode
from tests.commands import Root
from tests.store.stores import bare_root

#: Words that a shell, and the line of a batch, take for more than letters.
ODD = ("a", "", "two words", "it's", 'say "so"', "back\\slash", "#no comment", "é", "*", "a|b", "a=b", "-x", "--force")


def shown(root: Root) -> str:
    """Return all records of two databases."""
    return root.config("print").out + root.run("db", "accounts", "print").out


def test_all_lines_are_done_as_one_change(root: Root) -> None:
    """The commands are done in their order, blank lines and comments are left out, and one revision has all."""
    lines = (
        "# office\n\nset 10.1.0.0 network Mask 255.255.255.0\n setprop 10.1.0.0 Mask '255.0.0.0'\ndelprop 10.1.0.0 A"
    )
    before = len(json.loads(root.esmith("history", "--limit", "1000", "--json").out))
    answer = root.run("db", "networks", "batch", stdin=lines)
    assert (answer.out, answer.err) == ("", "")
    assert root.run("db", "networks", "print", "10.1.0.0").out == "10.1.0.0=network|Mask|255.0.0.0\n"
    after = json.loads(root.esmith("history", "--limit", "1000", "--json").out)
    assert len(after) == before + 1


@pytest.mark.parametrize(
    ("line", "code", "named"),
    [
        ("setprop qpsmtpd DNSBL maybe", ExitCode.REFUSED, "line 3: configuration qpsmtpd DNSBL: 'maybe' is not one of"),
        ("setprop nobody A b", ExitCode.REFUSED, "line 3: configuration has no record 'nobody'"),
        ("delete nobody", ExitCode.REFUSED, "line 3: configuration has no record 'nobody'"),
        ("getprop qpsmtpd DNSBL", ExitCode.USAGE, "line 3: 'getprop' is not one of set, setdefault, delete,"),
        ("batch", ExitCode.USAGE, "line 3: 'batch' is not one of"),
        ("setprop qpsmtpd DNSBL", ExitCode.USAGE, "line 3: needs setprop key prop1 val1"),
        ("setprop qpsmtpd DNSBL 'enabled", ExitCode.USAGE, "line 3: the quotes are wrong"),
        ("setprop qpsmtpd A x\0y", ExitCode.REFUSED, "line 3: "),
    ],
)
def test_one_wrong_line_leaves_all_as_it_was(root: Root, line: str, code: int, named: str) -> None:
    """A line that is refused, finds no record or is no command is named, and nothing is changed."""
    before = shown(root)
    answer = root.run("config", "batch", code=code, stdin=f"setprop qpsmtpd KarmaStrikes 9\n\n{line}\nset new x\n")
    assert named in answer.err
    assert shown(root) == before


def test_what_the_schema_refuses_is_stored_by_force(root: Root) -> None:
    """The message shows the command that stores it anyway, for all lines."""
    answer = root.run("config", "batch", code=ExitCode.REFUSED, stdin="setprop qpsmtpd DNSBL maybe\n")
    assert "to store it anyway: config --force batch" in answer.err
    root.run("config", "--force", "batch", stdin="setprop qpsmtpd DNSBL maybe\n")
    assert root.config("getprop", "qpsmtpd", "DNSBL").out == "maybe\n"


def test_hints_name_their_line(root: Root) -> None:
    """A name that looks misspelt is stored, and the hint says in which line it is."""
    answer = root.run("config", "batch", stdin="setprop qpsmtpd KarmaStrikes 9\nsetprop qpsmtpd DNSBl enabled\n")
    assert "config: line 2: configuration qpsmtpd has no property 'DNSBl'; did you mean 'DNSBL'?" in answer.err


def test_a_flat_file(root: Root) -> None:
    """A database that is a text file is changed likewise."""
    file = root.path / "some.db"
    root.run("db", str(file), "batch", stdin="set a x B 1\nsetprop a B 2\n")
    assert file.read_text().splitlines()[-1] == "a=x|B|2"


def test_not_utf8(root: Root) -> None:
    """Input that is not UTF-8 is refused with its line, and nothing is changed."""
    before = shown(root)
    result = subprocess.run(
        [root.path / "sbin/e-smith/config", "batch"],
        input=b"set a b\nset c \xff\n",
        env={"ESMITH_ROOT": str(root.path)},
        capture_output=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (
        ExitCode.REFUSED,
        b"config: line 2: is not UTF-8\n  nothing was changed\n",
    )
    assert shown(root) == before


@pytest.mark.parametrize("seed", range(3))
def test_a_batch_is_what_its_lines_are_one_by_one(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Commands in a batch, quoted for a shell, store what the same commands store each by itself."""
    chosen = random.Random(seed)
    commands = [["set", "a", "t"], ["set", "b", "t"]]
    for _ in range(20):
        key = chosen.choice("ab")
        commands.append(["setprop", key, chosen.choice("PQR"), chosen.choice(ODD)])
        if chosen.random() < 0.2:
            commands.append(["set", key, chosen.choice("tu"), "P", chosen.choice(ODD)])
    one, other = (bare_root(tmp_path_factory.mktemp("batch") / name) for name in ("one", "other"))
    for words in commands:
        one.run("db", "things", *words)
    other.run("db", "things", "batch", stdin="".join(f"{shlex.join(words)}\n" for words in commands))
    assert other.run("db", "things", "print").out == one.run("db", "things", "print").out
