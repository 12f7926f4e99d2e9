"""A root folder of a user: he works in it; root does only with the option that trusts the user."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.errors import ExitCode
from tests.commands import TIMEOUT_SECONDS, Answer, Root, initialise
from tests.events.kit import make_event
from tests.trust.kit import MALLORY, plain_user, requires_root

pytestmark = [requires_root, pytest.mark.program("setpriv")]

GET = ("config", "getprop", "qpsmtpd", "DNSBL")
EVENT = ("signal-event", "try")


@pytest.fixture(scope="module")
def theirs() -> Iterator[Root]:
    """Return a root folder that a user made, with an event that reads a setting and signals another event."""
    # Other users may not look into the folder of the tests.
    folder = Path(tempfile.mkdtemp(prefix="esmith-owner-"))
    folder.chmod(0o755)
    try:
        root = initialise(folder / "root")
        read = 'config getprop qpsmtpd DNSBL > "$ESMITH_ROOT/inner" 2>&1'
        action = f'{read} && signal-event inner && id -u > "$ESMITH_ROOT/ran"'
        make_event(root.path, "try", actions={"S10run": action})
        make_event(root.path, "inner", actions={"S10run": "true"})
        subprocess.run(["chown", "-hR", f"{MALLORY}:{MALLORY}", root.path], check=True)
        yield root
    finally:
        shutil.rmtree(folder)


def _as_user(root: Root, user: int, *words: str, code: int = 0) -> Answer:
    """Run a command as a plain user."""
    done = subprocess.run(
        [*plain_user(user), str(root.file("/sbin/e-smith") / words[0]), *words[1:]],
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": os.environ["PATH"], "ESMITH_ROOT": str(root.path)},
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stderr
    return Answer(done.returncode, done.stdout, done.stderr)


def test_the_owner_works_there(theirs: Root) -> None:
    """Who owns a root folder works in it without a message."""
    assert _as_user(theirs, MALLORY, *GET).out == "disabled\n"
    assert _as_user(theirs, MALLORY, *EVENT).err == ""
    assert theirs.read("/ran") == f"{MALLORY}\n"
    theirs.file("/ran").unlink()


@pytest.mark.parametrize("command", [GET, EVENT, ("esmith", "init"), ("expand-template", "/etc/clamd.conf")])
def test_root_is_refused(theirs: Root, command: tuple[str, ...]) -> None:
    """Root would run what the user wrote, so root is refused before anything ran, and the way out is named."""
    answer = theirs.run(*command, code=ExitCode.UNTRUSTED)
    assert f"{theirs.path}: belongs to the user {MALLORY}" in answer.err
    assert "--trust-owner" in answer.err
    assert not theirs.file("/ran").exists()


@pytest.mark.parametrize(
    "words", [("esmith", "doctor"), ("esmith", "status"), ("esmith", "history"), ("esmith", "explain", "qpsmtpd")]
)
def test_a_pipe_of_the_owner_is_not_waited_for(theirs: Root, words: tuple[str, ...]) -> None:
    """What root's commands look at before they refuse the folder makes none of them wait; doctor refuses it, too."""
    place = theirs.file("/var/lib/e-smith/version")
    kept = place.rename(place.with_name("kept"))
    os.mkfifo(place)
    try:
        answer = theirs.run(*words, code=ExitCode.UNTRUSTED)
        assert f"belongs to the user {MALLORY}" in answer.out + answer.err
    finally:
        kept.replace(place)


def test_status_for_root(theirs: Root) -> None:
    """The status says that once, and not of every file in the folder."""
    answer = theirs.esmith("status", code=ExitCode.UNTRUSTED)
    assert answer.out.count(f"belongs to the user {MALLORY}") == 1


@pytest.mark.parametrize(
    "words",
    [
        ("config", "--trust-owner", "getprop", "qpsmtpd", "DNSBL"),
        ("db", "configuration", "--trust-owner", "getprop", "qpsmtpd", "DNSBL"),
        ("esmith", "--trust-owner", "status"),
        ("esmith", "status", "--trust-owner"),
        ("expand-template", "--trust-owner", "--explain", "/etc/clamd.conf"),
    ],
    ids=["config", "db", "before the subcommand", "after the subcommand", "expand-template"],
)
def test_root_believes_the_owner(theirs: Root, words: tuple[str, ...]) -> None:
    """With --trust-owner root works there, and is warned once."""
    answer = theirs.run(*words, code=ExitCode.PENDING if "status" in words else 0)
    assert answer.err == (
        f"{words[0]}: {theirs.path} belongs to the user {MALLORY}; what that user wrote there runs as root now\n"
    )
    assert answer.out


def test_nested_commands_agree(theirs: Root) -> None:
    """The commands an action runs believe the owner as well, and do not warn again."""
    answer = theirs.signal("--trust-owner", "try")
    assert answer.err.count("belongs to") == 1
    assert theirs.read("/inner") == "disabled\n"
    assert theirs.read("/ran") == "0\n"
    theirs.file("/ran").unlink()
    # As in a script of cron: who sets the variable knows it.
    assert theirs.run(*GET, env={"ESMITH_TRUST_OWNER": "1"}).err == ""


def test_only_the_owner_is_believed(theirs: Root) -> None:
    """--trust-owner believes nobody but the owner of the folder."""
    fragment = theirs.custom("/etc/clamd.conf/90x", "x\n")
    os.chown(fragment, MALLORY + 1, MALLORY + 1)
    try:
        answer = theirs.run("expand-template", "--trust-owner", "/etc/clamd.conf", code=ExitCode.UNTRUSTED)
        assert f"{fragment}: belongs to the user {MALLORY + 1}" in answer.err
    finally:
        shutil.rmtree(theirs.file("/etc/e-smith/templates-custom/etc"))


def test_another_user_is_refused(theirs: Root) -> None:
    """A user in the folder of another gets no further than root; a folder of root's he may read is his to read."""
    assert f"belongs to the user {MALLORY}" in _as_user(theirs, MALLORY + 1, *GET, code=ExitCode.UNTRUSTED).err
