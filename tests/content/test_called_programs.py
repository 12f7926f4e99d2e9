"""The programs that generated files and scripts call are those of the table in docs/daemons.md, and no others."""

from __future__ import annotations

import re
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import Root
from tests.documents import rows, section

REPOSITORY = Path(__file__).parents[2]
#: What the small office does not do by itself, so that everything that may be called is.
SETTINGS = [
    "setprop fetchmail status enabled Method multidrop SecondaryMailServer pop.example.net FreqOffice every5min",
    "setprop fetchmail SecondaryMailAccount office SecondaryMailPassword x",
    "setprop clamav FilesystemScan daily Quarantine enabled",
    "set EmailUnknownUser returntosender",
]
#: Where programs are named by their paths.
_PATH = re.compile(
    r"(?<![\w.$])(?:(?:/usr(?:/local)?)?/s?bin|/var/qmail/bin|/usr/share/e-smith/\w+/plugins|/usr/share/spamassassin"
    r"|/etc/e-smith/events/actions)/[\w-]+(?![\w/:*-])"
)
_FUNCTION = re.compile(r"^\s*([a-z_]\w*)\(\)", re.MULTILINE)
_HERE_DOCUMENT = re.compile(r"<<-?\s*'?(\w+)'?(.*?)^\s*\1$", re.MULTILINE | re.DOTALL)
#: Behind these words of the shell, and behind what env(1) takes, comes a command.
_OPENING = frozenset(["if", "then", "else", "elif", "while", "until", "do", "!", "{", "exec", "env", "setsid", "-"])
#: Words of the shell, and what is not a program of its own.
_SHELL = (_OPENING - {"env", "setsid"}) | frozenset(
    re.split(
        r"\s+",
        "fi for in done case esac exit return cd pwd echo printf test [ true false set shift trap umask export read "
        "unset local wait kill eval ulimit command break continue . :",
    )
)


def _of_script(text: str) -> set[str]:
    """Return the names of the programs that a script of the shell calls."""
    text = _HERE_DOCUMENT.sub(r"\n", re.sub(r"(?:^|(?<=\s))#.*", "", text, flags=re.MULTILINE))
    functions = set(_FUNCTION.findall(text))
    # A program that is called where a variable is set, before another one.
    found = set(re.findall(r"\$\{\w+:\+([a-z][\w-]*) ", text))
    text = re.sub(r"\$\{\w+:\+[^}]*\}", "", text)
    # Arithmetic calls nothing.
    text = re.sub(r"\$\(\([^()]*\)\)", "", text)
    words = shlex.shlex(text.replace("\\\n", " ").replace("`", "\n"), posix=True, punctuation_chars="();<>|&\n")
    words.whitespace, words.commenters = " \t\r", ""
    is_command, in_case, in_pattern = True, False, False
    for word in words:
        for inner in re.findall(r"\$\(([^()]*)", word):
            found |= _of_script(inner)
        if in_pattern:
            in_pattern = ")" not in word
            is_command = not in_pattern
        elif set(word) <= set("();<>|&\n"):
            in_pattern = ";;" in word
            is_command = not set(word) & set("<>")
        elif in_case and word == "in":
            in_case, in_pattern = False, True
        elif is_command and not re.match(r"[A-Za-z_]\w*=", word):
            in_case = word == "case"
            name = word.rpartition("/")[2]
            if word not in _SHELL and re.fullmatch(r"[a-z][\w.-]*", name):
                found.add(name)
            is_command = word in _OPENING
    return found - functions


def _of_qmail(text: str) -> Iterator[str]:
    """Yield the names of the programs that a .qmail file calls; condredirect calls another one."""
    for line in text.splitlines():
        if line.startswith("|"):
            yield from _of_script(line[1:])
            if words := re.match(r"\|\s*condredirect\s+\S+\s+([\w./-]+)", line):
                yield words[1]


def _of_file(path: Path) -> set[str]:
    # tcpsvd's files say by their mode that nobody is served.
    path.chmod(path.stat().st_mode | stat.S_IRUSR)
    text = path.read_text("utf-8", "replace")
    lines = [line for line in text.splitlines() if not line.startswith("#") or line.startswith("#!")]
    found = {name.rpartition("/")[2] for name in _PATH.findall("\n".join(lines))}
    if path.name.startswith(".qmail"):
        found |= {name.rpartition("/")[2] for name in _of_qmail(text)}
    elif text.startswith(("#!/bin/sh", "#!/bin/bash")) or path.name == "run":
        found |= _of_script(text)
    elif path.name == "crontab" or path.parent.name == "cron.d":
        # Five times and a user stand before the command.
        found |= _of_script("\n".join(line.split(None, 6)[6] for line in lines if re.match(r"[\d*]", line)))
    elif text.startswith("#!") and "python3" in text.split("\n", 1)[0]:
        found |= {"python3"} | set(re.findall(r'(?:\brun\(|= )\["([a-z][\w-]*)",', text))
    return found


def _declared() -> dict[str, str]:
    """Return the programs of the table, each with what happens where it is missing."""
    table = rows(section("daemons.md", "Programs that generated files call"))
    return {name.strip("` "): row[2] for row in table for name in row[0].split(",")}


@pytest.fixture
def called(office: Root) -> dict[str, list[str]]:
    """The programs that are called, each with the files that do so."""
    for words in SETTINGS:
        office.config(*words.split())
    office.signal("email-update")
    office.expand("/etc/cron.d/sa-update")
    office.esmith("init", "--services", "daemontools", "/service")
    loggers = _of_file(office.file("/service/clamd/log/run"))
    office.esmith("init", "--services", "runit", "/service")
    places = ["etc", "var/qmail", "var/service", "home"]
    files = [path for place in places for path in sorted((office.path / place).rglob("*")) if path.is_file()]
    skipped = ("etc/e-smith", "etc/passwd", "etc/group", "home/e-smith/db")
    found = {program: ["log/run"] for program in loggers}
    for path in files:
        name = str(path.relative_to(office.path))
        if not name.startswith(skipped) and not path.is_symlink():
            for program in _of_file(path):
                found.setdefault(program, []).append(name)
    shipped = [*(REPOSITORY / "events").glob("**/S??*"), *(REPOSITORY / "events/actions").iterdir()]
    # The actions of users and groups have the engine call them.
    for program in re.findall(r'\["([a-z]+)"', (REPOSITORY / "esmith/accounts/machine.py").read_text()):
        found.setdefault(program, []).append("esmith/accounts/machine.py")
    # A run script is written where the program is installed; the scripts of qmail and systemd call by these names, too.
    # What begins each of them defines functions.
    functions = {
        name for part in ("begin", "run") for name in _FUNCTION.findall((REPOSITORY / "services" / part).read_text())
    }
    for path in sorted([*shipped, *(REPOSITORY / "services").glob("*/run")]):
        if path.is_file():
            for program in _of_file(path) - functions:
                found.setdefault(program, []).append(str(path.relative_to(REPOSITORY)))
    return found


def test_the_table_has_what_is_called(called: dict[str, list[str]]) -> None:
    """What a generated file, a run script or an action calls is in the table; what is in the table is called."""
    declared = _declared()
    missing = {name: files[:3] for name, files in called.items() if name not in declared}
    assert missing == {}, "add them to docs/daemons.md, with the package and what happens without it"
    assert sorted(declared.keys() - called.keys()) == [], "nothing calls them any more"
    assert all(declared.values())
