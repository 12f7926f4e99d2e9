"""``make demo-manager``: ``python -m demo.manager FOLDER [--port N] [--once]``: an office in a folder, and its panel.

Nothing of it needs root, and nothing is written outside of the folder.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import click

from demo.mail.folder import only_one
from demo.printing import own, say
from esmith.cli.program import run_click
from esmith.directories import make_directory
from esmith.errors import InstallError, UsageError
from esmith.layout import Layout

#: Who logs in.
ACCOUNT = "admin"
#: Of random bytes, so that the password has 12 letters.
_RANDOM_BYTES = 9
#: How long the processes may take to end, in seconds.
_END_SECONDS = 10


def _run(words: list[str], given: str = "") -> None:
    """Run a command, whose output is shown only when it fails.

    :raises InstallError: when it fails.
    """
    done = subprocess.run(words, input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InstallError(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}".rstrip())


def make_office(layout: Layout) -> bool:
    """Make the small office of ``make demo`` in the folder; one that is there gets only what an upgrade brings.

    :return: whether it was made now.
    :raises InstallError: when a command fails.
    """
    # The commands of the office are looked for in PATH.
    os.environ["PATH"] = f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', os.defpath)}"
    if os.path.exists(layout.under("/home/e-smith/db/data.mdb")):
        _run([own("esmith"), "--root", layout.root, "init"])
        return False
    _run(["sh", str(Path(__file__).with_name("office.sh")), layout.root])
    return True


def start(layout: Layout, port: int) -> tuple[subprocess.Popen[str], str]:
    """Start the panel.

    :param port: its port on 127.0.0.1; 0 for a free one.
    :return: the process, and the address.
    :raises InstallError: when it does not start; what it printed was shown.
    """
    words = [own("esmith"), "--root", layout.root, "manager", "serve", "--port", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        for word in line.split():
            if word.startswith(("http://", "https://")):
                return process, word
    process.wait()
    raise InstallError("the panel did not start; what it printed is above")


def stop(process: subprocess.Popen[str]) -> None:
    """End the panel; jobs that run go on."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()


@click.command("demo-manager")
@click.argument("folder")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port on 127.0.0.1; else a free one.")
@click.option("--once", is_flag=True, help="End as soon as it answers.")
def demo_manager(folder: str, port: int, *, once: bool) -> None:
    """Try the settings in a browser, on a small office in a folder."""
    layout = Layout(os.path.abspath(folder))
    try:
        make_directory(layout.root)
    except OSError as error:
        raise UsageError(f"cannot be made: {error.strerror}", place=layout.root) from error
    os.environ["ESMITH_ROOT"] = layout.root
    with only_one(layout):
        say(f"A small office in the folder {folder}: a moment, all its files are made")
        if not make_office(layout):
            say("It was there already, and is as you left it.")
        password = secrets.token_urlsafe(_RANDOM_BYTES)
        _run([own("esmith"), "--root", layout.root, "manager", "password"], f"{password}\n")
        process, address = start(layout, port)
        try:
            say(
                f"\n  address   {address}\n  account   {ACCOUNT}\n  password  {password}\n\n"
                f"Only this machine can reach it. What you change is in {folder}; it runs until you type ^C."
            )
            if not once:
                with contextlib.suppress(KeyboardInterrupt):
                    process.wait()
        finally:
            stop(process)
            say("\nthe panel has ended")


if __name__ == "__main__":
    run_click(demo_manager, "demo-manager")
