"""docs/architecture.md says what the code is: its packages in their order, and names that exist."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tests.documents import HOME, rows, section
from tests.test_architecture import ENGINE, LAYERS

DOCUMENT = HOME / "docs/architecture.md"
#: Documents that explain the code, and may name what is in it.
EXPLAINING = [DOCUMENT, HOME / "CONTRIBUTING.md"]
#: The folders of the repository that a path in a document may begin with.
_FOLDERS = ("esmith", "tests", "docs", "db", "events", "services", "templates", "plugins", "bench", "demo", ".ci")
_NAME = re.compile(r"esmith(?:\.\w+)+")
_PATH = re.compile(rf"(?:{'|'.join(map(re.escape, _FOLDERS))})/[\w./@{{}}-]*")
#: What stands for any name in a path is in capitals.
_PLACEHOLDER = re.compile(r"(?<![A-Za-z])[A-Z]{2,}(?![a-z])|NN")


def _spans(document: Path) -> list[str]:
    """Return what stands in backquotes outside of blocks."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", text)


def _names(pattern: re.Pattern[str]) -> list[str]:
    return sorted({span for document in EXPLAINING for span in _spans(document) if pattern.fullmatch(span)})


def _exists(name: str) -> bool:
    """Return whether a dotted name is a module, or something in one; fields of a class count by their annotation."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            if not hasattr(found, part):
                return part in getattr(found, "__annotations__", {})
            found = getattr(found, part)
        return True
    return False


def test_the_packages_are_those_of_the_code() -> None:
    """The table of packages has every package, in the layers that imports are checked against, and no other."""
    table = [(int(row[0]), row[1].strip("`")) for row in rows(section("architecture.md", "The packages"))]
    assert table == [(rank, name) for rank, names in enumerate(LAYERS, 1) for name in names]
    assert all(len(row) == 3 and row[2].endswith(".") for row in rows(section("architecture.md", "The packages")))


def test_inner_packages_are_named() -> None:
    """A package inside a package is named in the row of the outer one."""
    text = section("architecture.md", "The packages")
    inner = {path.parent.relative_to(HOME) for path in ENGINE.glob("*/*/__init__.py")}
    assert inner
    assert [str(path) for path in sorted(inner) if f"`{path}`" not in text] == []


@pytest.mark.parametrize("name", _names(_NAME))
def test_a_name_exists(name: str) -> None:
    """A module, class, function or constant that a document names is in the code."""
    assert _exists(name)


@pytest.mark.parametrize("path", [path for path in _names(_PATH) if not _PLACEHOLDER.search(path)])
def test_a_path_exists(path: str) -> None:
    """A file or folder of the repository that a document names is there."""
    assert (HOME / path).exists()


def test_names_are_found() -> None:
    """The patterns find names and paths: a document that names none would pass every test above."""
    assert len(_names(_NAME)) > 60
    assert len(_names(_PATH)) > 20
    assert not _exists("esmith.events.signal.no_such_function")
    assert not _exists("esmith.no_such_package")
