"""``esmith init``: what it finds in the place of its files, and what it says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.cli.test_esmith import init
from tests.commands import Root


def test_init_keeps_what_was_there_before(tmp_path: Path) -> None:
    """What somebody else had at the place of a command, a Perl module or a template is kept, and each is reported."""
    root = Root(tmp_path / "root")
    names = [
        "/sbin/e-smith/config",
        "/usr/local/lib/site_perl/esmith/ConfigDB.pm",
        "/etc/e-smith/templates/var/qmail/control/queuelifetime",
    ]
    for name in names:
        root.write(name, f"my {name}\n")
    notes = init(root.path).err.splitlines()
    assert [note.partition(";")[0] for note in notes] == [f"esmith: {name} was there already" for name in sorted(names)]
    for note, name in zip(notes, sorted(names), strict=True):
        assert root.read(note.rpartition(" ")[2]) == f"my {name}\n"
    root.write(names[0], "edited\n", mode=0o755)
    (note,) = init(root.path).err.splitlines()
    assert note.startswith(f"esmith: {names[0]} was edited by hand; a backup copy is ")


def test_a_new_version_of_a_command_is_no_edit(root: Root) -> None:
    """A command as an older version made it is replaced without a backup copy, also where no digest of it is known."""
    manifest = root.file("/var/lib/e-smith/shipped")
    command = root.write("/sbin/e-smith/config", "of an older version\n", mode=0o755)
    lines = [line for line in manifest.read_text().splitlines() if not line.partition("  ")[2].startswith("/")]
    manifest.write_text("\n".join(lines) + "\n")
    assert init(root.path).err == ""
    digest = hashlib.sha256(command.read_bytes()).hexdigest()
    assert f"{digest}  /sbin/e-smith/config" in manifest.read_text().splitlines()


def test_init_restores_modes(root: Root) -> None:
    """A shipped file whose mode was changed gets it again; what it holds is no edit."""
    names = {"/sbin/e-smith/config": 0o755, "/etc/e-smith/templates/var/qmail/control/queuelifetime": 0o644}
    for name in names:
        root.file(name).chmod(0o600)
    assert init(root.path).err == ""
    assert {name: root.file(name).stat().st_mode & 0o7777 for name in names} == names


@pytest.mark.parametrize(("words", "count"), [((), 1), (("--domain", "example.com"), 0)])
def test_init_shows_that_the_domain_is_the_default(tmp_path: Path, words: tuple[str, ...], count: int) -> None:
    """Nobody takes the default for his domain: init says what it is, unless it was asked for."""
    answer = init(tmp_path / "root", *words)
    command = f"config --root {tmp_path}/root set DomainName YOUR.DOMAIN"
    assert answer.out.count(f"example.com is only the default; to set your domain: {command}") == count
    root = Root(tmp_path / "root")
    root.config("set", "DomainName", "mine.example")
    assert "is only the default" not in init(root.path).out
