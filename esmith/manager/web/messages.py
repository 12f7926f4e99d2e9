"""Collects the texts of the pages for translators: ``python -m esmith.manager.web.messages > manager.pot``.

What panels and the schema bring goes through the same function when it is shown; those texts are in their own files.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_FOLDER = Path(__file__).parent
#: In templates in quotes of either kind.
_STRING = r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_ONE = re.compile(rf"\b_\({_STRING}")
_MANY = re.compile(rf"\bcounted\({_STRING},\s*{_STRING}")

#: A text, and where it is; of a number of things two texts.
Message = tuple[tuple[str, ...], str]


def messages() -> list[Message]:
    """Return all texts with their places, in the order of the files."""
    found: list[Message] = []
    for path in sorted(_FOLDER.rglob("*.html")):
        found.extend(_of_template(path))
    for path in sorted(_FOLDER.rglob("*.py")):
        found.extend(_of_module(path))
    return found


def _of_template(path: Path) -> Iterator[Message]:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for pattern in (_ONE, _MANY):
            for match in pattern.finditer(line):
                yield tuple(map(_unquoted, match.groups())), f"{path.relative_to(_FOLDER)}:{number}"


def _unquoted(text: str) -> str:
    return str(ast.literal_eval(text))


def _of_module(path: Path) -> Iterator[Message]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in ("_", "counted"):
            texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            if texts:
                yield tuple(texts), f"{path.relative_to(_FOLDER)}:{node.lineno}"
    # Headings and the like that are looked up later stand in tables.
    if path.name in ("error_pages.py", "rendering.py"):
        for node in ast.parse(path.read_text()).body:
            target = getattr(node, "targets", [None])[0]
            if isinstance(node, ast.Assign) and getattr(target, "id", "") in ("_TEXTS", "DONE"):
                for part in ast.walk(node.value):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value:
                        yield (part.value,), f"{path.relative_to(_FOLDER)}:{part.lineno}"


def message_file() -> str:
    """Return them in the form of gettext (GNU gettext manual, "The Format of PO Files")."""
    places: dict[tuple[str, ...], list[str]] = {}
    for texts, place in messages():
        places.setdefault(texts, []).append(place)
    parts = ['msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n']
    for texts, where in places.items():
        rows = [f"#: {' '.join(where)}", f"msgid {_quoted(texts[0])}"]
        rows += [f"msgid_plural {_quoted(texts[1])}", 'msgstr[0] ""', 'msgstr[1] ""'] if texts[1:] else ['msgstr ""']
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


if __name__ == "__main__":
    sys.stdout.write(message_file())
