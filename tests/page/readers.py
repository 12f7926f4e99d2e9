"""Which program reads the files of each setting in a test: readers.toml, and the table of docs/daemons.md made of it.

``python -m tests.page.readers`` writes the table into the document.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tests.page.drives import Row, Table

DATA = Path(__file__).with_name("readers.toml")
DOCUMENT = Path(__file__).parents[2] / "docs/daemons.md"
HEADING = "## Settings and what reads them\n"
_INTRODUCTION = """
Each setting, the files that change with it, and the program that reads them in a test, with its version. A reason in
brackets says why no program reads a file there. This table is made from `tests/page/drives.toml` and
`tests/page/readers.toml` by `python -m tests.page.readers`; a test compares them. `config` is
`/var/service/qpsmtpd/config`, `control` and `alias` for directories of `/var/qmail`, `service` for `/var/service`,
`home` for `/home/e-smith/files/users`, `horde` for `/home/httpd/html/horde`. Settings that change no file are in
`tests/page/drives.toml`, with the reason.

| record | setting | file | read by | in the test |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Reader:
    """What reads a file in a test.

    :param program: with its version; "" where no program does.
    :param needs: what the marker of the test has to name.
    :param test: its node.
    :param unread: why no program reads it.
    """

    program: str
    needs: tuple[str, ...]
    test: str
    unread: str


class Readers:
    """The data of readers.toml."""

    def __init__(self) -> None:
        data = tomllib.loads(DATA.read_text())
        #: program -> its Debian package and the version that the tests are written for
        self.versions: dict[str, list[str]] = data["versions"]
        self.settings: dict[str, str] = data["settings"]
        self.files: list[tuple[str, Reader]] = [(row["path"], self._reader(row)) for row in data["file"]]

    def _reader(self, row: dict[str, str]) -> Reader:
        program = row.get("program", "")
        version = f"{program} {self.versions[program][1]}" if program else ""
        return Reader(version, tuple(row.get("needs", ())), row.get("test", ""), row.get("unread", ""))

    def pattern_of(self, file: str) -> str | None:
        """Return the pattern of readers.toml for a file as drives.toml writes it."""
        return next((pattern for pattern, _ in self.files if fnmatchcase(file, pattern)), None)

    def of(self, file: str) -> Reader:
        """Return the reader of a file."""
        return dict(reversed(self.files))[str(self.pattern_of(file))]


def table() -> str:
    """Return the section of docs/daemons.md."""
    drives, readers = Table(), Readers()
    lines = [line for name, rows in drives.rows.items() for line in _rows(drives, readers, name, rows)]
    return HEADING + _INTRODUCTION + "".join(f"{line}\n" for line in lines)


def _rows(drives: Table, readers: Readers, record: str, rows: list[Row]) -> list[str]:
    """Return the lines of one record; settings that change the same files share theirs."""
    groups: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for row in rows:
        is_list = record.split()[0] in ("wbl", "spamassassin")
        own = readers.settings.get(f"{record} {'*' if is_list else row.setting.prop}", "")
        files = tuple(sorted({drives.short(file) for file in row.files}))
        name = "each entry" if is_list else f"`{row.setting.prop}`" if row.setting.prop else "its value"
        groups.setdefault((files, own), []).append(name)
    return [line for (files, own), names in groups.items() for line in _lines(readers, record, names, files, own)]


def _lines(readers: Readers, record: str, names: list[str], files: tuple[str, ...], own: str) -> Iterator[str]:
    """Yield a line for each program that reads some of the files."""
    found: dict[tuple[str, str], list[str]] = {}
    for file in files:
        reader = readers.of(file)
        key = (reader.program, own or reader.test) if reader.program else (f"({reader.unread})", "")
        found.setdefault(key, []).append(f"`{file}`")
    for (program, test), shown in found.items():
        node = f"`{test.removeprefix('tests/')}`" if test else "-"
        yield f"| `{record}` | {', '.join(names)} | {', '.join(shown)} | {program} | {node} |"


def written() -> str:
    """Return the section as it stands in the document; "" when it is not there."""
    text = DOCUMENT.read_text()
    start = text.find(HEADING)
    end = text.find("\n## ", start + 1)
    return "" if start < 0 else text[start : end + 1 if end > 0 else None].rstrip("\n") + "\n"


def main() -> None:
    """Write the section into the document, at its place or at the end."""
    text, old = DOCUMENT.read_text(), written()
    DOCUMENT.write_text(text.replace(old, table()) if old else f"{text.rstrip()}\n\n{table()}")


if __name__ == "__main__":
    main()
