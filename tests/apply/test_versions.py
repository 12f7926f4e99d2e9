"""What a fragment makes of the version of a program, and when that counts as changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.errors import TemplateError
from esmith.fragments import programs
from tests.apply.kit import Bench

PATH = "/etc/t"
FRAGMENT = "{{ 'new' if version('daemon', '1.9') >= (2, 4) else 'old' }}\n"


@pytest.fixture
def daemon(tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where a program would be that a template asks for; it is not there yet."""
    # What is younger than a second is not trusted, which would make every test wait.
    monkeypatch.setattr("esmith.plan.seen.TRUSTED_AGE_NS", -(10**18))
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setattr(programs, "PATH", f"{folder}:/usr/bin:/bin")
    bench.trees.standard("/etc/template.toml", "services = []\n")
    bench.template(PATH, FRAGMENT)
    return folder / "daemon"


def _install(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def _text(bench: Bench) -> str:
    return bench.one(PATH).rendering.content.decode()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo '2.3.19.1 (9b53102964)'", "old"),
        ("echo '2.4.1-4 (7d8c0e5759)'", "new"),
        ("echo 'daemon version 10.0'", "new"),
        ("echo 'Daemon/2.4' >&2", "new"),
        ("echo 2.4; exit 1", "new"),
        ("echo 3", "old"),
        ("exit 1", "old"),
        ('test -z "$ESMITH_ROOT$PERL5LIB" && echo 2.4', "new"),
        ('test "$PWD" = / && echo 2.4', "new"),
        ("read line || echo 2.4", "new"),
    ],
)
def test_what_a_program_prints(
    bench: Bench, daemon: Path, monkeypatch: pytest.MonkeyPatch, script: str, expected: str
) -> None:
    """The first number with a dot counts, as numbers and not as text; the program runs away from its caller."""
    monkeypatch.setenv("PERL5LIB", "/nowhere")
    _install(daemon, script)
    assert _text(bench) == f"{expected}\n"


def test_a_program_that_is_not_installed(bench: Bench, daemon: Path) -> None:
    """Where the program is not installed the default counts, without a warning."""
    assert not daemon.exists()
    assert _text(bench) == "old\n"
    assert bench.one(PATH).rendering.warnings == []


def test_a_program_without_a_version(bench: Bench, daemon: Path) -> None:
    """A program that prints no version is a warning, and the default counts."""
    _install(daemon, "echo none")
    assert bench.one(PATH).rendering.warnings == ["daemon --version prints no version: 1.9 is assumed"]


def test_a_program_that_does_not_end(bench: Bench, daemon: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that does not end is ended, and counts as one without a version."""
    monkeypatch.setattr(programs, "_TIMEOUT_SECONDS", 0.2)
    _install(daemon, "exec sleep 600")
    assert _text(bench) == "old\n"


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize("name", ["/bin/ls", "../ls", "", "-v", "a b", "a/b"])
def test_only_a_plain_name(bench: Bench, name: str) -> None:
    """What is no plain name is an error, and no program elsewhere."""
    bench.template(PATH, f"{{{{ version({name!r}, '1') }}}}\n")
    with pytest.raises(TemplateError, match="is not the name of a program"):
        bench.one(PATH)


def test_the_file_is_made_again_when_the_program_changes(bench: Bench, daemon: Path) -> None:
    """Installing, upgrading and removing the program each have the file expanded again; otherwise it is recalled."""
    bench.apply(PATH)
    assert bench.one(PATH).rendering.recalled
    _install(daemon, "echo 2.4")
    assert bench.apply(PATH) == [f"{PATH}: replace"]
    assert bench.file(PATH).read_text() == "new\n"
    assert bench.one(PATH).rendering.recalled
    _install(daemon, "echo 2.3.19")
    assert bench.apply(PATH) == [f"{PATH}: replace"]
    assert bench.file(PATH).read_text() == "old\n"
    daemon.unlink()
    assert not bench.one(PATH).rendering.recalled


def test_a_template_inside_another(bench: Bench, daemon: Path) -> None:
    """What a template inside asked for counts as asked for by the file it is in."""
    bench.trees.standard("/part/template-begin")
    bench.trees.standard("/part/10a", FRAGMENT)
    bench.template(PATH, "{{ template('/part') }}\n")
    bench.apply(PATH)
    _install(daemon, "echo 2.4")
    assert not bench.one(PATH).rendering.recalled
