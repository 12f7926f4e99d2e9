"""``make demo-manager``: an office in a folder, and its panel, which a browser can log in to."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.commands import DEFAULT_SIGNALS, TIMEOUT_SECONDS
from tests.documents import HOME
from tests.manager.browser.visitor import Visitor
from tests.reused import CopyRoot


def _command(folder: Path, *words: str) -> list[str]:
    return [*DEFAULT_SIGNALS, sys.executable, "-m", "demo.manager", str(folder), *words]


def _printed(process: subprocess.Popen[bytes]) -> dict[str, str]:
    """Return what is printed: address, account, password."""
    assert process.stdout is not None
    end, text = time.monotonic() + TIMEOUT_SECONDS, ""
    while "^C" not in text:
        assert time.monotonic() < end and process.poll() is None, text
        if select.select([process.stdout], [], [], 0.5)[0]:
            text += os.read(process.stdout.fileno(), 65536).decode()
    lines = [line.split() for line in text.splitlines() if line.startswith("  ")]
    return {line[0]: line[1] for line in lines}


def test_it_can_be_logged_in_to(_office: Path, copy_root: CopyRoot) -> None:
    """On an office that is there it prints address, account and password, with which one logs in; ^C ends all of it."""
    folder = copy_root(_office).path
    process = subprocess.Popen(_command(folder), cwd=HOME, stdout=subprocess.PIPE)
    try:
        printed = _printed(process)
        visitor = Visitor(printed["address"].partition("/server-manager")[0])
        assert visitor.log_in(printed["account"], printed["password"]).status == 303
        assert len(printed["password"]) >= 12
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    host, _, port = visitor.host.rpartition(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))
