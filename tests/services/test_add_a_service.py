"""docs/add-a-service.md: each step as it is written, with the real rspamd under a real supervisor."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from esmith.services.directory import ServiceDirectory
from tests.commands import Root, initialise
from tests.documents import Block, blocks
from tests.programs import path_of
from tests.transcripts import commands, matches, play

from .servers import eventually

STEPS = ("add-a-service.md", "Step by step")
PORT = "11333"


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Root]:
    """Return a new root whose services end with the test."""
    root = initialise(tmp_path / "root", "--domain", "example.com")
    yield root
    directory = ServiceDirectory(str(root.file("/service/rspamd")))
    if directory.is_supervised():
        subprocess.run([path_of("sv"), "-w", "30", "exit", directory.path], check=True, stdout=subprocess.DEVNULL)
        eventually(lambda: not directory.is_supervised(), "rspamd is gone")


def _steps() -> list[Block]:
    found = [*blocks("console"), *blocks("sh")]
    steps = [block for block in found if (block.document.name, block.section) == STEPS]
    return sorted(steps, key=lambda block: block.line)


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def _answers(port: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(port)), timeout=5).close()
    except OSError:
        return False
    return True


def _supervise(root: Root) -> subprocess.Popen[bytes]:
    """Do what the only step does that is not a transcript; of the shipped services none is started."""
    for link in root.file("/service").iterdir():
        if link.name != "rspamd":
            link.unlink()
    return subprocess.Popen([path_of("runsvdir"), "-P", root.file("/service")], start_new_session=True)


@pytest.mark.program("rspamd", "rspamadm", "rspamc", "runsvdir", "sv")
@pytest.mark.root("rspamd runs as its own user")
def test_rspamd_is_added_as_the_document_says(supervised: Root) -> None:
    """Files alone make rspamd a service: it starts, answers with a new setting, and a broken one is refused.

    The port is a free one instead of 11333, and the step that starts the supervisor starts it for rspamd alone.
    """
    port, process = _free_port(), None
    try:
        for block in _steps():
            if block.text == "runsvdir -P /service &\n":
                process = _supervise(supervised)
                eventually(partial(_answers, port), "rspamd answers")
                continue
            steps = [(typed.replace(PORT, port), expected) for typed, expected in commands(block)]
            played = play(supervised, [typed for typed, _ in steps])
            for (typed, expected), (code, printed) in zip(steps, played, strict=True):
                place = f"block at line {block.line}: $ {typed}"
                assert code == 0, f"{place}exits {code}:\n{printed}"
                assert matches(expected, printed), f"{place}prints\n{printed}\nnot\n{expected}"
        assert process is not None
    finally:
        if process is not None:
            process.send_signal(signal.SIGHUP)
            process.wait(60)
