"""The whole move from SME Server, at ``/`` of a machine of the test's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.moved import document
from tests.system.machine import Machine, machine_trouble
from tests.system.mail import PLACES

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Return a machine on which the product is installed, with another domain than the old server."""
    if trouble := machine_trouble():
        pytest.skip(trouble)
    prepared = tmp_path / "prepared"
    for place in PLACES.split():
        (prepared / place).mkdir(parents=True, exist_ok=True)
    running = Machine(prepared, tmp_path / "work", ["192.0.2.1"])
    try:
        running.run(sys.executable, "-m", "esmith", "init", "--domain", "example.com", "--name", "mail")
        yield running
    finally:
        running.close()


@pytest.mark.root("the move makes unix accounts")
@pytest.mark.program("rsync", "openssl", "unshare", "perl", "Text::Template", "useradd")
def test_the_whole_move(machine: Machine) -> None:
    """All commands of docs/sme-server.md are typed, and users, groups, passwords, mail, keys and fragments are here."""
    answer = machine.run(sys.executable, "-m", "tests.moved", code=None, env={"PYTHONPATH": str(REPOSITORY)})
    assert answer.code == 0, answer.out + answer.err
    assert answer.out.splitlines()[-1].endswith(" 0 failed")


def test_the_document_has_each_step() -> None:
    """The steps that have commands are those that the play types, in their order; the old server has one name there."""
    headings = [heading for heading, _ in document.steps()]
    assert [heading.partition(".")[0] for heading in headings] == ["2", "3", "4", "5", "6", "7", "8"]
    text = "".join(shell for _, shell in document.steps())
    assert "old.example.com" not in document.here(text, Path("/x"))
    assert os.fspath(Path("/root/old")) in text
