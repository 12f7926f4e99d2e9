r"""Manual pages, made of the declarations of the commands, in the language of man(7).

As git does it, each subcommand has a page of its own: ``esmith history`` is explained by ``esmith-history(8)``. They
are with the commands that are for root.
"""

from __future__ import annotations

from itertools import groupby

from esmith import __version__
from esmith.layout import Layout
from esmith.prompt.table import first_sentence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmith.prompt.declaration import Declaration

SECTION = "8"
#: Where they are installed: in the manual of everybody (manpath(1)), and no package of Debian writes there (hier(7)).
PLACE = "/usr/local/share/man/man8"
#: The commands whose subcommands are verbs of a line each, and have no pages.
_ON_ONE_PAGE = ("config", "db")
_ROOT = "The folder that stands for / where \\-\\-root is not given."
_EXIT = "0 when all was done. Any other is explained by a message, and listed in docs/commands.md of e\\-smith."


def manual_pages(layout: Layout, declarations: Iterable[Declaration]) -> dict[str, bytes]:
    """Return the manual pages of some commands and all below them, as paths of this disk."""
    tops = list(declarations)
    found = {}
    for declaration in (page for top in tops for page in _pages(top)):
        others = [top for top in tops if top.words != declaration.words]
        found[layout.under(f"{PLACE}/{_name(declaration)}.{SECTION}")] = page_of(declaration, others).encode()
    return found


def page_of(declaration: Declaration, others: Iterable[Declaration]) -> str:
    """Return the manual page of a command.

    :param others: those that it refers to.
    """
    name = _name(declaration)
    lines = [f'.TH "{_escaped(name.upper())}" {SECTION} "" "e-smith {__version__}" "Administration of e-smith"']
    lines += [".SH NAME", f"{_escaped(name)} \\- {_escaped(_clause(declaration.short))}"]
    lines += [".SH SYNOPSIS", f".B {_escaped(' '.join(declaration.words))}", _escaped(declaration.usage)]
    lines += [".SH DESCRIPTION", *_paragraphs(declaration.help)]
    if declaration.options:
        lines += [".SH OPTIONS", *_listed((one.shown, one.help) for one in declaration.options)]
    for heading, below in groupby(declaration.commands, lambda one: one.heading):
        lines += [f".SH {_escaped(heading).upper()}", *_listed(_row(one) for one in below)]
    lines += [".SH ENVIRONMENT", ".TP", ".B ESMITH_ROOT", _ROOT]
    lines += [".SH EXIT STATUS", _EXIT]
    also = [f".BR {_escaped(_name(one))} ({SECTION})" for one in others]
    lines += [".SH SEE ALSO", *(f"{line}," for line in also[:-1]), *also[-1:]]
    return "\n".join([*lines, ""])


def _pages(declaration: Declaration) -> list[Declaration]:
    return [declaration] if declaration.words[0] in _ON_ONE_PAGE else declaration.all()


def _name(declaration: Declaration) -> str:
    return "-".join(declaration.words)


def _row(declaration: Declaration) -> tuple[str, str]:
    """Return how a command is listed on the page of the one above it."""
    if declaration.words[0] not in _ON_ONE_PAGE:
        return " ".join(declaration.words), declaration.short
    return f"{declaration.words[-1]} {declaration.usage.removeprefix('[OPTIONS]').strip()}".rstrip(), declaration.help


def _listed(rows: Iterable[tuple[str, str]]) -> list[str]:
    lines = []
    for name, text in rows:
        lines += [".TP", f".B {_escaped(name)}", *_paragraphs(text, ".IP")]
    return lines


def _paragraphs(text: str, between: str = ".PP") -> list[str]:
    """Return the paragraphs of a help as click has them: those that begin with BS are shown as they are."""
    lines: list[str] = []
    for paragraph in _split(text):
        lines += [between] * bool(lines)
        if paragraph.startswith("\b"):
            lines += [".nf", *map(_escaped, paragraph.split("\n")[1:]), ".fi"]
        else:
            lines.append(_escaped(" ".join(paragraph.split())))
    return lines


def _split(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        # A text that is shown as it is may begin anywhere in one.
        first, *others = paragraph.split("\b")
        if first.strip():
            yield first
        yield from (f"\b{other.rstrip()}" for other in others)


def _clause(sentence: str) -> str:
    """Return a sentence as the clause after a name: without its mark and what follows, and beginning small."""
    text = first_sentence(sentence)
    return text[:1].lower() + text[1:]


def _escaped(text: str) -> str:
    """Return a text in which nothing means anything to troff (groff_char(7))."""
    safe = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\`").replace("^", "\\(ha")
    safe = safe.replace("~", "\\(ti")
    return f"\\&{safe}" if safe[:1] in (".", " ") else safe
