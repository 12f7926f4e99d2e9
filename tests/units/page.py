"""The page typed at a machine that systemd runs: ``python3 -m tests.units.page [BLOCK ...]``, after the other cases.

What is expected of each block is that of ``tests.page.machine_root``; which process a service has, systemd says.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.page import machine_root
from tests.page.network import add_card
from tests.page.running import no_reboot
from tests.page.settings import COMMANDS, USERS
from tests.page.transcript import all_transcripts
from tests.units.kit import pid_of, wanted

#: What proves a block here in the place of a proof that asks runit: by the command in machine_root.toml, a command and
#: what it prints, as a regular expression.
_PROOFS = {
    "svc -t /service/qmail; sv status qmail": ("svc -t /service/qmail; sv status qmail", "^service postfix: is up"),
    r"ps -e -o args= | grep -c '^runsv \(qmail\|postfix\)$'": ("pgrep -c -x master", "^1$"),
}
#: A restart of the web server is a reload: the event that wants it may be a child of it.
_RELOADED = "httpd-e-smith"


def processes() -> dict[str, int]:
    """Return the services that run, each with its process."""
    return {name: pid for name in wanted() if (pid := pid_of(name))}


def _here(expected: machine_root.Expected) -> machine_root.Expected:
    """Return what is expected of a block where systemd starts the services."""
    proofs = dict(_PROOFS.get(text, (text, pattern)) for text, pattern in expected.proofs.items())
    return replace(expected, proofs=proofs, services=[*expected.services, _RELOADED])


def make_office(shell: machine_root.Shell) -> list[str]:
    """Make the small office that the page takes for granted, and return what went wrong."""
    commands = [*COMMANDS.splitlines()]
    commands += [f"db accounts set {user} user EmailForward local" for user in USERS]
    commands += [f"signal-event user-create {user}" for user in USERS]
    commands += [f"signal-event group-create {group}" for group in ("group1", "group2")]
    commands += ["esmith init --services systemd", "signal-event remoteaccess-update", "signal-event email-update"]
    return machine_root.run_all(shell, commands)


def main(names: list[str]) -> int:
    """Type the page, or some blocks of it, and return the exit code."""
    vars(machine_root)["processes"] = processes
    expected = machine_root.expectations()
    blocks = [(transcript, block) for transcript in all_transcripts() for block in transcript.blocks]
    add_card("eth0", "192.168.1.1", 24)
    failed = played = 0
    with tempfile.TemporaryDirectory() as work, no_reboot(), contextlib.ExitStack() as stack:
        shell = machine_root.Shell(Path(work))
        stack.callback(shell.close)
        faults = make_office(shell)
        failed += bool(faults)
        print("\n".join(["the office: " + ("FAILED" if faults else "ok"), *faults]), flush=True)
        page = machine_root.Page(shell)
        for transcript, block in sorted(blocks, key=lambda pair: pair[1].line):
            if names and block.name not in names:
                continue
            faults = page.play(transcript, block, _here(expected.get(block.name, machine_root.Expected())))
            played, failed = played + 1, failed + bool(faults)
            print(f"block {block.name} (line {block.line}) {block.title}: {'FAILED' if faults else 'ok'}", flush=True)
            for fault in faults:
                print("    " + fault.replace("\n", "\n    "), flush=True)
    print(f"{played - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
