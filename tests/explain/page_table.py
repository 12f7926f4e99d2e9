"""Making ``esmith/explain/page.toml``: which blocks of the wiki page change which setting.

The settings are those that the commands of the transcripts in ``tests/page/transcripts`` change, and what a block is
about stands in the table of ``docs/page.md``. It is written by ``python -m tests.explain.page_table``.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tests.page.transcript import all_transcripts

ROOT = Path(__file__).parents[2]
FILE = ROOT / "esmith/explain/page.toml"
_ROW = re.compile(r"^\| (P?\d+) \| (\d+) \| ([^|]+) \|", re.MULTILINE)
#: The records of these are of a type, for which the schema has one file.
_BY_TYPE = {"accounts": "@user", "domains": "@domain", "mailpatterns": "@pattern"}
#: The properties of these are entries of a list.
_LISTS = frozenset(("spamassassin", "wbl"))


def page_text() -> str:
    """Return what the file has to hold."""
    rows = {name: (int(line), about.strip()) for name, line, about in _ROW.findall((ROOT / "docs/page.md").read_text())}
    settings: dict[str, list[str]] = {}
    for transcript in all_transcripts():
        for block in transcript.blocks:
            for command in block.commands:
                if command.of_page or block.name.startswith("P"):
                    for setting in _settings(command.text):
                        known = settings.setdefault(setting, [])
                        if block.name not in known:
                            known.append(block.name)
    used = {name for names in settings.values() for name in names}
    lines = ["# Made by: python -m tests.explain.page_table", "", "[blocks]"]
    for name, (line, about) in rows.items():
        if name in used:
            lines.append(f"{name} = {{ line = {line}, about = {json.dumps(about, ensure_ascii=False)} }}")
    lines += ["", "[settings]"]
    for setting, names in sorted(settings.items()):
        lines.append(f"{json.dumps(setting)} = {json.dumps(sorted(names, key=lambda name: rows[name][0]))}")
    return "\n".join([*lines, ""])


def _type_of(database: str, prop: str) -> str:
    """Return the schema file of a type that knows a property: groups and users are records of one database."""
    own = _BY_TYPE[database]
    others = sorted(path.stem for path in (ROOT / "db" / database).glob("@*.toml"))
    return next((name for name in (own, *others) if f"[properties.{prop}]" in _schema(database, name)), own)


def _schema(database: str, name: str) -> str:
    return (ROOT / "db" / database / f"{name}.toml").read_text()


def _settings(text: str) -> Iterator[str]:
    """Yield the settings that the commands of a line change or ask for."""
    for part in re.split(r"[;\n|]|&&", text):
        try:
            words = shlex.split(part, comments=True)
        except ValueError:
            continue
        if words[:1] == ["config"]:
            database, rest = "configuration", words[1:]
        elif words[:1] == ["db"] and len(words) > 2:
            database, rest = words[1], words[2:]
        else:
            continue
        verb, *operands = rest or [""]
        if not operands or "$" in "".join(operands[:1]):
            continue
        key, props = operands[0], operands[1:]
        if "signal-event" in props:
            props = props[: props.index("signal-event")]  # the page lost a line break
        if verb == "setprop":
            names = props[::2]
        elif verb in ("getprop", "delprop"):
            names = props
        elif verb == "set" and len(props) == 1:
            names = [""]
        else:
            continue
        for name in names:
            key = _type_of(database, name) if database in _BY_TYPE else key
            yield " ".join(filter(None, (database, key, "*" if database in _LISTS else name)))


if __name__ == "__main__":
    FILE.write_text(page_text())
