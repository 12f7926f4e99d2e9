"""Root folders for the measurements, made with the commands of the product only."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.measuring import CommandError
from esmith.events.stamp import LINK, read_stamp, stamp_of
from esmith.layout import Layout

EVENT = "email-update"
#: An event with the templates of email-update, and without its actions and services.
TEMPLATES_EVENT = "bench-templates"
#: What was written less than a second ago is looked at again, to be sure that nobody changed it within the same
#: tick of the clock (esmith.plan.memory).
SETTLING_SECONDS = 1.2
HOMES = "home/e-smith/files/users"
FIRST_UID = 5000
DATABASE = "home/e-smith/db"
DATA_FILE = f"{DATABASE}/data.mdb"


def words_of(root: Path, name: str, *words: str) -> list[str]:
    """Return a command of a root, as ``esmith init`` installed it."""
    return [str(root / "sbin/e-smith" / name), *words]


def variables_of(root: Path) -> dict[str, str]:
    """Return the variables with which the commands of a root are run."""
    return {"ESMITH_ROOT": str(root)}


def do(root: Path, name: str, *words: str, stdin: str = "") -> str:
    """Run a command of a root that is not measured, and return what it prints.

    :param stdin: the text that it reads.
    :raises CommandError: when it fails, with its message.
    """
    argv = words_of(root, name, *words)
    environment = {**os.environ, **variables_of(root)}
    done = subprocess.run(argv, env=environment, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommandError(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def make_root(path: Path) -> Path:
    """Make a root with the shipped settings, the event of templates only, and without checks by programs.

    Such programs are somebody else's, are not on every machine, and take longer than all that is measured here.
    """
    subprocess.run(
        [sys.executable, "-m", "esmith", "--root", str(path), "init", "--domain", "example.com", "--name", "mail"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    events = path / "etc/e-smith/events"
    templates = events / TEMPLATES_EVENT / "templates2expand"
    templates.mkdir(parents=True)
    (templates / "LIST").write_bytes((events / EVENT / "templates2expand/LIST").read_bytes())
    _switch_checks_off(path / "etc/e-smith")
    return path


def _switch_checks_off(folder: Path) -> None:
    """Switch off each check by a program, as an administrator does (docs/fragments.md#a-check)."""
    shipped = folder / "templates"
    for path in shipped.rglob("template.toml"):
        if "command" in tomllib.loads(path.read_text()).get("check", {}):
            custom = folder / "templates-custom" / path.relative_to(shipped)
            custom.parent.mkdir(parents=True, exist_ok=True)
            custom.write_text('check = { off = "it is not what is measured" }\n')


def batch(root: Path, database: str, lines: Iterable[str]) -> None:
    """Change a database by the lines of ``db DATABASE batch``, as one revision."""
    do(root, "db", database, "batch", stdin="".join(f"{line}\n" for line in lines))


def signal(root: Path, event: str = EVENT) -> None:
    """Signal an event that is not measured."""
    do(root, "signal-event", event)


def settle(root: Path, *events: str) -> None:
    """Wait until nothing of a root is new any more, and signal events until they have nothing to do.

    :param events: their names; without one that of the mail server.
    """
    for event in events or (EVENT,):
        signal(root, event)
        for _ in range(2):
            time.sleep(SETTLING_SECONDS)
            signal(root, event)


def generated_files(root: Path) -> list[str]:
    """Return the files that :data:`EVENT` has generated in a settled root, as its stamp names them."""
    _, lines = read_stamp(stamp_of(Layout(str(root)), ("signal-event", EVENT)))
    found = (line.split(" ", 2) for line in lines[2:])
    return [path for kind, _, path in found if kind == LINK and os.path.lexists(path)]


def users(numbers: Iterable[int]) -> Iterator[str]:
    """Yield the lines of a batch that makes users."""
    for number in numbers:
        yield (
            f"set user{number} user EmailForward local FirstName First{number} LastName Last{number} "
            f"PasswordSet yes Uid {FIRST_UID + number} Gid {FIRST_UID + number}"
        )


def add_unix_accounts(root: Path, numbers: Iterable[int]) -> None:
    """Give users accounts of the system and homes in a root: without them no file is made for them."""
    with (root / "etc/passwd").open("a") as passwd, (root / "etc/group").open("a") as group:
        for number in numbers:
            uid = FIRST_UID + number
            passwd.write(f"user{number}:x:{uid}:{uid}::/{HOMES}/user{number}:/bin/false\n")
            group.write(f"user{number}:x:{uid}:\n")
            (root / HOMES / f"user{number}").mkdir(parents=True)


def add_users(root: Path, count: int) -> None:
    """Add users with accounts and homes, numbered from 0."""
    batch(root, "accounts", users(range(count)))
    add_unix_accounts(root, range(count))


def networks(numbers: Iterable[int]) -> Iterator[str]:
    """Yield the lines of a batch that makes local networks."""
    for number in numbers:
        yield f"set 10.{number // 250}.{number % 250}.0 network Mask 255.255.255.0 Router 10.0.0.1"


def data_file_megabytes(root: Path) -> float:
    """Return the size of a root's data file, in MB (a million bytes)."""
    return (root / DATA_FILE).stat().st_size / 1_000_000
