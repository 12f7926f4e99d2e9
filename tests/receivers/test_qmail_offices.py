"""Random offices, read by a real qmail: where one is installed in /var/qmail/bin, its qmail-local reads their files."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, note, settings

from tests.content.desk import Desk
from tests.examples import examples
from tests.receivers.files import ASSIGN, TEMPLATES, Files, planned
from tests.receivers.qmail import Qmail
from tests.receivers.random_offices import OFFICES, Command
from tests.receivers.test_lookup import LOCALS
from tests.receivers.test_qmail import BIN, report

#: Names whose files are called otherwise: qmail writes a dot as a colon, and small letters.
DOTTED: list[Command] = [
    ["db", "accounts", "--force", "set", "my.team", "group", "Members", "tom"],
    ["db", "accounts", "--force", "set", "sales.team", "user", "Uid", "6001"],
]

pytestmark = pytest.mark.daemon("qmail")


def _written(files: Files, root: Path) -> None:
    """Write the files below a directory, each link as the file that it leads to."""
    for path in (*files.texts, *files.links):
        text = files.read(path)
        if text is not None:
            target = root / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)


def local_parts(files: Files) -> list[str]:
    """Return the local addresses to try: those of users/assign, with extensions and in capitals, and strange ones."""
    lines = (files.read(ASSIGN) or "").splitlines()
    names = [line[1:].split(":")[0] for line in lines if line[0] in "=+"]
    tried = [*names, *(f"{name}-x" for name in names), *(f"{name}foo-default" for name in names)]
    tried += [name.upper() for name in names] + list(LOCALS)
    tried += [f"alias-localdelivery-{name}" for name in LOCALS]
    return [name for name in dict.fromkeys(tried) if name]


@settings(
    deadline=None,
    database=None,
    max_examples=examples(40),
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(commands=DOTTED)
@given(commands=OFFICES)
def test_qmail_local_agrees_in_random_offices(desk: Desk, tmp_path: Path, commands: list[Command]) -> None:
    """In random offices qmail-local -n names, for each local address, what the reader of the other tests finds."""
    with desk.trial() as trial:
        for words in commands:
            changes = words[1] == "accounts" and words[2] in ("setprop", "delete", "settype", "delprop")
            if not changes or trial.transaction.type_of(words[1], words[3]) is not None:
                trial.do_words(words)
        note("\n".join(shlex.join(words) for words in trial.done))
        files = planned(trial.plan(*TEMPLATES))
    root = tmp_path / "root"
    shutil.rmtree(root, ignore_errors=True)
    _written(files, root)
    qmail = Qmail(files)
    for local in local_parts(files):
        found = qmail.instructions(local)
        to = found[0] if found else qmail.addressee(local)
        home = root / to.home.lstrip("/")
        home.mkdir(parents=True, exist_ok=True)
        words = [to.user, str(home), local, to.dash, to.extension, "localhost", "someone@sender.org", "./Maildir/"]
        done = subprocess.run([f"{BIN}/qmail-local", "-n", *words], capture_output=True, check=False)
        printed = done.stdout.decode().splitlines()
        expected = (100, []) if found is None else (0, report(found[1]))
        assert (done.returncode, printed) == expected, (local, done.stderr)
