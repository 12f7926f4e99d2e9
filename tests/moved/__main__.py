"""``python3 -m tests.moved``: plays the move from a made-up SME Server, at ``/`` of this machine, which it changes.

The new server is set up before (``esmith init``, or by ``esmith setup``), with a domain of its own. Each step of
docs/sme-server.md is typed as it stands there, and then it is looked at what has come over. Prints a line for each
thing that was looked at, and ``N passed, N failed``; exits with 1 when something failed.

Needs root, openssl, rsync and Text::Template. It changes the databases, the accounts and the mail of this machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.moved import document, old_server
from tests.moved.look import LOOKS

#: Where the made-up old server is; only root looks into it.
PLACE = Path("/var/tmp/esmith-old-server")
#: Somebody of the new machine who has the number of a user of the old one.
INSTALLER = "installer"
_STEP_SECONDS = 300
#: Exit status of an event that was done in part: what this move has of that is looked at.
_PARTIAL = 11
#: That of esmith status where it found something: a machine without a network has no new signatures.
_FINDINGS = 13


def main() -> int:
    """Play the move, and return the exit code."""
    if os.geteuid() != 0:
        print("the move needs root", file=sys.stderr)
        return 2
    for name in ("openssl", "rsync", "esmith"):
        if shutil.which(name) is None:
            print(f"there is no program {name}", file=sys.stderr)
            return 2
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(mode=0o700)
    old = old_server.make(PLACE)
    _take_number(next(person for person in old_server.PEOPLE if person.name == old_server.TAKEN_NUMBER).number)
    printed = {}
    for heading, shell in document.steps():
        code, text = _type(document.here(shell, old))
        printed[heading] = text
        for words in document.cures(text):
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            printed[heading] += done.stdout + done.stderr
            if done.returncode not in (0, _PARTIAL):
                print(f"FAILED: the cure {' '.join(words)} exits {done.returncode}:\n{done.stdout}{done.stderr}")
                return 1
        if code != 0:
            print(f"FAILED: step {heading} exits {code}:\n{text}")
            return 1
        print(f"step {heading}: typed")
    failed = 0
    for look in LOOKS:
        fault = look(printed)
        failed += bool(fault)
        print(f"{'FAILED' if fault else 'passed'}: {look.__doc__}{f': {fault}' if fault else ''}")
    shutil.rmtree(PLACE)
    print(f"the move: {len(LOOKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _type(shell: str) -> tuple[int, str]:
    """Type commands as an administrator does, and return the exit code and what was printed.

    The first command that fails ends them, but for an event that was done in part, and findings of a status.
    """
    guarded = (
        f'signal-event() {{ command signal-event "$@" || [ $? = {_PARTIAL} ]; }}\n'
        f'esmith() {{ command esmith "$@" || [ $? = {_FINDINGS} ]; }}\n{shell}'
    )
    done = subprocess.run(
        ["bash", "-euc", guarded],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=_STEP_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout


def _take_number(number: int) -> None:
    """Make an account of this machine's own that has a number of the old server."""
    words = ["useradd", "--uid", str(number), "--user-group", "--no-create-home", INSTALLER]
    if subprocess.run(["id", INSTALLER], capture_output=True, check=False).returncode != 0:
        subprocess.run(words, check=True)


if __name__ == "__main__":
    sys.exit(main())
