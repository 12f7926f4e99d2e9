"""The documented methods of the original's modules: the table of them, and what docs/perl.md has about them.

``python -m tests.perl.methods`` writes the tables of docs/perl.md.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs/perl.md"
BEGIN = "<!-- What follows is made of tests/perl/methods.toml by: python -m tests.perl.methods -->\n"
END = "<!-- The end of what is made. -->\n"


@dataclass(frozen=True)
class Method:
    """A method that is there.

    :param call: Perl that calls it; in a list, for ``show``.
    :param gives: what ``show`` prints then.
    """

    name: str
    does: str
    call: str
    gives: str


@dataclass(frozen=True)
class Module:
    """The methods of one module, or of a few that go together.

    :param use: Perl that loads it and makes ready what the calls need.
    :param yes: the methods that are there, in the order in which they are called.
    :param no: those that are not, each with why.
    :param absent: why nothing of the module is there; "" when something is.
    """

    name: str
    use: str = ""
    yes: list[Method] = field(default_factory=list)
    no: dict[str, str] = field(default_factory=dict)
    absent: str = ""


def modules() -> list[Module]:
    """Return the table."""
    data = tomllib.loads(Path(__file__).with_name("methods.toml").read_text())
    return [
        Module(
            name,
            rows.get("use", ""),
            [Method(*row) for row in rows.get("yes", [])],
            dict(rows.get("no", [])),
            rows.get("absent", ""),
        )
        for name, rows in data.items()
    ]


def tables() -> str:
    """Return the tables for the document."""
    lines = []
    for module in modules():
        lines += ["", f"### {module.name}", ""]
        if module.absent:
            lines.append(f"No: {module.absent}. Loading it dies and says so.")
            continue
        lines += ["| method | here | |", "|---|---|---|"]
        lines += [f"| {_code(method.name)} | yes | {method.does} |" for method in module.yes]
        lines += [f"| {_code(name)} | no | {reason} |" for name, reason in module.no.items()]
    return "\n".join([*lines, "", ""])


def _code(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", "))


def made(text: str) -> str:
    """Return the text of the document with the tables as they should be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{tables()}{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(made(DOCUMENT.read_text()))
