"""Manual pages."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from esmith.cli.declarations import all_declarations
from esmith.layout import Layout
from esmith.prompt.declaration import Declaration, Option
from esmith.prompt.manual import PLACE, manual_pages, page_of
from tests.commands import TIMEOUT_SECONDS, Root
from tests.programs import path_of


def test_each_command_has_a_page(tmp_path: Path) -> None:
    """Each command has a page that names all its options; a subcommand has one of its own, a verb a paragraph."""
    declarations = all_declarations()
    pages = {Path(path).name: page.decode() for path, page in manual_pages(Layout(str(tmp_path)), declarations).items()}
    for declaration in (found for top in declarations for found in top.all()):
        is_verb = len(declaration.words) > 1 and declaration.words[0] in ("config", "db")
        page = pages["-".join(declaration.words[: 1 if is_verb else None]) + ".8"]
        assert not is_verb or f"\n.B {declaration.words[-1]}" in page
        for option in declaration.options if not is_verb else ():
            assert all(name.replace("-", "\\-") in page for name in option.names), option


@pytest.mark.program("mandoc")
def test_the_pages_are_sound(root: Root) -> None:
    """The installed pages have no fault that mandoc knows, but that they have no date; a line may be long."""
    pages = sorted(map(str, root.file(PLACE).iterdir()))
    words = [path_of("mandoc"), "-T", "lint", "-W", "warning", *pages]
    found = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    assert found.stderr == ""
    assert [line for line in found.stdout.splitlines() if "missing date" not in line] == []
    assert len(pages) > 20


@pytest.mark.program("mandoc")
def test_nothing_in_a_help_is_a_request(tmp_path: Path) -> None:
    """A help that begins with a dot, or holds what means something to troff, is shown as it is."""
    text = ".so /etc/passwd\n\n'x \\fB -y\n\n\b\n.de\n  indented"
    page = tmp_path / "x.8"
    page.write_text(page_of(Declaration(("x",), ".so this.", text, "[X]", [Option(("--a",), "", "--a", ".b\\n")]), []))
    words = [path_of("mandoc"), "-T", "utf8", str(page)]
    shown = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True).stdout
    plain = shown.replace("\b", "\0")
    for line in (".so /etc/passwd", "'x \\fB -y", ".de", "  indented", ".b\\n"):
        assert line in plain
