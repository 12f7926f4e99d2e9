"""What is offered at the prompt."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import click
import pytest

from esmith.cli.declarations import all_declarations, declaration_of
from esmith.errors import EsmithError
from esmith.prompt.answer import answer
from esmith.prompt.completion import PROGRAM
from esmith.prompt.table import text_of
from tests.commands import TIMEOUT_SECONDS, Root


@pytest.fixture(scope="module")
def table() -> str:
    """Return the declarations of all commands."""
    return text_of(all_declarations())


@pytest.fixture
def asked(office: Root, monkeypatch: pytest.MonkeyPatch) -> Root:
    """Return a root whose databases are verified, and that is the chosen one."""
    office.config("keys")
    monkeypatch.setenv("ESMITH_ROOT", str(office.path))
    return office


def offered(table: str, *words: str) -> list[str]:
    """Return the names that are offered for the last of some words, without notes."""
    how, *lines = answer(table, "\0".join(["zsh", *words, ""]).encode()).splitlines()
    return [line.partition("\t")[0] for line in lines] or ([] if how in ("words", "nospace") else [how])


#: What is offered for the last word of each line.
OFFERED = {
    "config setpr": ["setprop"],
    "config --fo": ["--force"],
    "config setprop --fo": ["--force"],
    "config setprop qpsmtpd DNSBL en": ["enabled"],
    "config setprop qpsmtpd DNSBL enabled DNSB": [],
    "config setprop qpsmtpd DNSBL enabled RHSB": ["RHSBL"],
    "db acc": ["accounts"],
    "db accounts sho": ["show"],
    "db accounts set newcomer us": ["user"],
    "db accounts setprop tom EmailForward bo": ["both"],
    "/sbin/e-smith/db accounts sho": ["show"],
    "signal-event email-u": ["email-update"],
    "signal-event user-modify to": ["tom"],
    "signal-event --color=al": ["--color=always"],
    "signal-event email-update --di": [],
    "expand-template --root ": ["dirs"],
    "esmith hist": ["history"],
    "esmith history --database=acc": ["--database=accounts"],
    "esmith history --database accounts --key to": ["tom"],
    "esmith control clam": ["clamd"],
    "esmith control clamd restar": ["restart"],
    "esmith contrib check ": ["dirs"],
    "esmith import ": ["files"],
    "esmith completion z": ["zsh"],
    "esmith doctor dns cert": ["certificates"],
    "esmith restore --only k": ["keys"],
    "esmith restore --only custom,keys,": ["custom,keys,databases", "custom,keys,passwords"],
    "esmith restore --only=custom,k": ["--only=custom,keys"],
    "esmith explain clam": ["clamav", "clamd"],
    "esmith explain qpsmtpd DNSB": ["DNSBL"],
    "esmith explain /etc/clam": ["/etc/clamd.conf"],
    "esmith accounts user-modify-unix to": ["tom"],
    "qpsmtpd-print-dns example": ["example.com"],
    "esmith nosuch x": [],
    "nosuch x": [],
}


@pytest.mark.usefixtures("asked")
def test_what_is_offered(table: str) -> None:
    """Each word of a line gets the names that may stand there."""
    found: dict[str, list[str]] = {}
    for line in OFFERED:
        try:
            found[line] = offered(table, *line.split(" "))
        except LookupError:
            found[line] = []
    assert found == OFFERED


def test_files_are_offered_a_directory_at_a_time(asked: Root, table: str) -> None:
    """Paths are those of generated files and of custom templates; of a directory the next part is offered."""
    asked.custom("/etc/mine.conf/10text", "text\n")
    asked.custom("/srv/deep/er.conf", "text\n")
    assert offered(table, "expand-template", "/etc/mi") == ["/etc/mine.conf"]
    assert offered(table, "expand-template", "/s") == ["/srv/"]
    assert answer(table, b"zsh\0expand-template\0/s\0").startswith("nospace\n")
    assert offered(table, "expand-template", "/etc/clamd") == ["/etc/clamd.conf"]
    assert offered(table, "esmith", "diff", "/etc/clamd") == ["/etc/clamd.conf"]


def test_overrides_are_offered(asked: Root, table: str) -> None:
    """Of esmith overrides: the files of the administrator by both paths, and what may be copied of a template."""
    asked.custom("/etc/clamd.conf/MaxMine", "text\n")
    asked.write("/etc/e-smith/services-custom/clamd/service.toml", "# mine\n")
    asked.write("/var/lib/e-smith/drafts/edit/templates-custom/etc/mine/10x", "begun\n")
    command = ("esmith", "overrides")
    assert offered(table, *command, "d") == ["diff", "discard"]
    for words in ((*command, "/etc/"), (*command, "diff", "/etc/")):
        assert sorted(offered(table, *words)) == ["/etc/clamd.conf/", "/etc/e-smith/", "/etc/mine/"]
    assert offered(table, *command, "merge", "/etc/clamd.conf/") == ["/etc/clamd.conf/MaxMine"]
    own = "/etc/e-smith/services-custom/clamd/"
    assert offered(table, *command, "accept", own) == [f"{own}service.toml"]
    assert offered(table, *command, "discard", "/etc/mine/") == ["/etc/mine/10x"]
    assert offered(table, *command, "edit", "/etc/clamd") == ["/etc/clamd.conf", "/etc/clamd.conf/"]
    assert offered(table, *command, "edit", "/etc/clamd.conf", "MaxF") == ["MaxFileSize", "MaxFiles"]
    assert offered(table, *command, "edit", "/etc/clamd.conf/MaxM") == ["/etc/clamd.conf/MaxMine"]


def test_revisions_and_generations_are_offered(asked: Root, table: str) -> None:
    """The newest revision and the newest generation are offered first, each with a note."""
    asked.config("setprop", "clamav", "MaxFiles", "1600")
    asked.expand("/etc/clamd.conf")
    revision = json.loads(asked.esmith("history", "--limit", "1", "--json").out)[0]["revision"]
    generation = json.loads(asked.esmith("generations", "--json").out)[0]["generation"]
    assert offered(table, "esmith", "undo", "")[0] == str(revision)
    assert offered(table, "esmith", "rollback", "")[0] == str(generation)
    assert f"{generation}\texpand-template /etc/clamd.conf\n" in answer(table, b"zsh\0esmith\0rollback\0\0")


def test_a_contrib_is_completed(asked: Root, table: str) -> None:
    """An event and a service of a contrib, and the records of its database, are offered as soon as they are there."""
    asked.file("/etc/e-smith/events/phone-update").mkdir()
    asked.file("/etc/e-smith/services/phoned").mkdir()
    asked.db("phones", "set", "desk", "phone", "Number", "12")
    assert offered(table, "signal-event", "pho") == ["phone-update"]
    assert offered(table, "esmith", "control", "pho") == ["phoned"]
    assert offered(table, "db", "phones", "setprop", "desk", "") == ["Number"]
    assert offered(table, "db", "phones", "setprop", "desk", "Number", "") == ["12"]


def test_secrets_are_not_offered(asked: Root, table: str) -> None:
    """A password is offered neither where a schema file knows it nor where only its name shows what it is."""
    asked.config("setprop", "fetchmail", "SecondaryMailPassword", "tru5tno1")
    asked.config("set", "mine", "service", "ApiToken", "tru5tno2", "Other", "shown")
    assert offered(table, "config", "setprop", "fetchmail", "SecondaryMailPassword", "") == []
    assert offered(table, "config", "setprop", "mine", "ApiToken", "") == []
    assert offered(table, "config", "setprop", "mine", "Other", "") == ["shown"]


def test_names_are_offered_in_quotes(asked: Root, table: str) -> None:
    """A key, a property or a value that is more than itself to a shell is offered as it needs it, and bash its way."""
    names = ["$(touch x)", "a b", "a'b", "*", "~"]
    lines = [shlex.join(["set", name, "thing", "P", name]) for name in [*names, "-x", "a\u202eb"]]
    lines.append(shlex.join(["set", "fine", "thing", *(word for name in names for word in (name, "x"))]))
    asked.run("db", "--force", "hostile", "batch", stdin="\n".join(lines))
    assert sorted(offered(table, "db", "hostile", "show", "")) == sorted([*names, "fine"])
    assert sorted(offered(table, "db", "hostile", "setprop", "fine", "")) == sorted(names)
    assert [offered(table, "db", "hostile", "setprop", name, "P", "") for name in names] == [[name] for name in names]
    assert offered(table, "db", "hostile", "setprop", "a\u202eb", "P", "") == []
    for typed, word in (("a", "a\\ b"), ("a\\ ", "a\\ b"), ("'a", "a b"), ("$", None), ("\\$", "\\$\\(touch\\ x\\)")):
        found = answer(table, f"bash\0db hostile show {typed}\0 =\0".encode()).splitlines()
        assert word in found if word else found == []
    fish = answer(table, b"fish\0db\0hostile\0show\0\0").splitlines()
    assert "a b" in fish and "~" not in fish


@pytest.mark.usefixtures("asked")
def test_what_somebody_elses_command_takes(table: str) -> None:
    """Of a command that is not known here the operands are completed by their names: WHAT, [a|b], EVENT, PATH."""

    @click.command("look")
    @click.argument("words", nargs=-1, metavar="WHAT...")
    @click.option("--if", "value", metavar="VALUE")
    @click.option("--event", "events", metavar="NAME")
    def look() -> None:
        """Look at a setting."""

    @click.command("act")
    @click.argument("words", nargs=-1, metavar="[diff|edit] [PATH]... [--now]")
    def act() -> None:
        """Act on a file."""

    commands = [declaration_of(look, ("look",)), declaration_of(act, ("act",))]
    table += text_of(commands)
    assert offered(table, "look", "qpsm") == ["qpsmtpd"]
    assert offered(table, "look", "acc") == ["accounts"]
    assert offered(table, "look", "qpsmtpd", "DNSB") == ["DNSBL"]
    assert offered(table, "look", "qpsmtpd", "DNSBL", "--if", "en") == ["enabled"]
    assert offered(table, "look", "accounts", "to") == ["tom"]
    assert offered(table, "look", "accounts", "tom", "EmailForw") == ["EmailForward"]
    assert offered(table, "look", "/etc/clamd") == ["/etc/clamd.conf"]
    assert offered(table, "look", "--event", "clamav-u") == ["clamav-update"]
    assert offered(table, "act", "di") == ["diff"]
    assert offered(table, "act", "diff", "/etc/clamd") == ["/etc/clamd.conf"]
    assert offered(table, "act", "/etc/clamd") == ["/etc/clamd.conf"]
    assert offered(table, "act", "--n") == ["--now"]


def test_a_copied_store_is_not_verified_first(asked: Root, table: str) -> None:
    """Where the data file would have to be verified, which takes long, nothing of it is offered."""
    asked.file("/home/e-smith/db/data.verified").unlink()
    with pytest.raises(LookupError):
        offered(table, "config", "show", "qps")


def test_a_root_that_only_the_shell_knows(asked: Root, table: str) -> None:
    """After --root with a variable nothing of another root is offered; after --root with a folder, what is in that."""
    with pytest.raises(LookupError):
        answer(table, b"bash\0config --root $x show qpsm\0=\0")
    assert offered(table, "config", "--root", str(asked.path), "show", "qpsm") == ["qpsmtpd"]
    assert offered(table, "config", f"--root={asked.path}", "show", "qpsm") == ["qpsmtpd"]
    with pytest.raises(EsmithError):
        offered(table, "config", "--root", "/nonexistent", "show", "qpsm")


def test_a_missing_root_has_nothing(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands and options are offered also where there are no databases."""
    monkeypatch.setenv("ESMITH_ROOT", "/nonexistent")
    assert offered(table, "config", "setpr") == ["setprop"]
    with pytest.raises(EsmithError):
        offered(table, "config", "show", "")


def test_the_program_imports_little(asked: Root) -> None:
    """What answers imports neither click nor anything else that takes long, and prints nothing where it has nothing."""
    done = subprocess.run(
        [sys.executable, "-ISXimporttime", str(asked.file(PROGRAM))],
        input=b"bash\0config setprop qpsmtpd DNSBL \0 :=\0",
        env={**os.environ, "ESMITH_ROOT": str(asked.path)},
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    assert b"\nenabled\n" in done.stdout
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    assert not modules & {"click", "typing", "dataclasses", "re", "json", "pathlib", "enum", "tomllib", "contextlib"}
    before = asked.snapshot("/home/e-smith/db")
    words = [sys.executable, "-IS", str(asked.file(PROGRAM))]
    for question in (b"", b"bash\0", b"zsh\0\xff\0", b"bash\0config show $x\0=\0", b"fish\0nosuch\0\0"):
        nothing = subprocess.run(words, input=question, capture_output=True, timeout=TIMEOUT_SECONDS, check=True)
        assert (nothing.stdout, nothing.stderr) == (b"", b"")
    assert asked.snapshot("/home/e-smith/db") == before


def test_the_script_asks_the_program_of_its_root(asked: Root) -> None:
    """The script that is printed asks the program of the root, those that are installed that of the machine."""
    program = str(asked.file(PROGRAM))
    for shell in ("bash", "zsh", "fish"):
        assert program in asked.esmith("completion", shell).out
    installed = asked.read("/usr/local/share/zsh/site-functions/_esmith")
    assert f"local program={PROGRAM}\n" in installed
    asked.file(PROGRAM).unlink()
    assert "install it with: esmith --root" in asked.esmith("--root", str(asked.path), "completion", "zsh", code=2).err
