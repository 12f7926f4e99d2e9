"""``templates.metadata``: the metadata of a template as the original has it (docs/fragments.md#templatesmetadata).

A file of lines ``NAME=expression``, or a directory with a file for each name. Expressions are Perl; a plain number or
text is read here, everything else is evaluated by perl. No value is ever run by Python.
"""

from __future__ import annotations

import os

from esmith.errors import TemplateError
from esmith.expressions import expression
from esmith.fields import dataclass
from esmith.fragments.tree import Template, TemplateTree
from esmith.names import is_leftover, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.fragments.perl.engine import Perl
    from esmith.layout import Layout

#: Where the files are, by the paths of the templates.
DIRECTORY = "/etc/e-smith/templates.metadata"
#: Values as texts, in Perl.
_SCALAR = "scalar(do {%s})"
_LIST = "join(chr 0, map { ref && die qq{holds more than texts\\n}; $_ } @{ +do {%s} })"
_HASH = "join(chr 0, map { ref && die qq{holds more than texts\\n}; $_ } %%{ +do {%s} })"
#: The names that are known, each with how its value is written as texts, in Perl; "" where it is none.
NAMES = {
    "UID": _SCALAR,
    "GID": _SCALAR,
    "PERMS": _SCALAR,
    "OUTPUT_FILENAME": _SCALAR,
    "OUTPUT_PREFIX": _SCALAR,
    "OUTPUT_TYPE": _SCALAR,
    "TEMPLATE_PATH": _SCALAR,
    "TEMPLATE_EXPAND_QUEUE": _LIST,
    "MORE_DATA": _HASH,
    "FILTER": "",
    "DELETE": _SCALAR,
    "CONFREF": "",
    "ALL_RECORDS_AS_SCALARS": "",
}
_WITHOUT_EFFECT = ("CONFREF", "ALL_RECORDS_AS_SCALARS")
_LINE = expression(r"(?s)\s*(\w+)\s*=\s*(.*?)\s*$")
_OCTAL, _DECIMAL = expression("[0-7]{1,18}"), expression("[0-9]{1,18}")
_NAME = expression(r"[\w.][\w.@$-]*")
_LITERAL = expression(r"""\s*(?:(0[0-7]{0,18})|([1-9][0-9]{0,17})|'([^'\\\n]*)'|"([^"\\$@\n]*)")\s*;?\s*$""")
#: Calls the sub of FILTER for each line, as esmith::templates does.
_FILTERED = """
my $filter = do {%s
};
my $filtered = '';
foreach my $line ($TEXT =~ /[^\\n]*\\n|[^\\n]+\\z/g) {
    next if $DROP && $line eq qq{\\n};
    my $result = $filter->($line =~ /\\n\\z/ ? $line : qq{$line\\n});
    $filtered .= $result if defined $result;
}
$filtered
"""


@dataclass(frozen=True)
class Expression:
    """One expression of a metadata file.

    :param text: the expression.
    :param path: the file it stands in, on this disk.
    :param line: where in the file.
    """

    text: str
    path: str
    line: int

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return f"{self.path}:{self.line}"

    @property
    def code(self) -> str:
        """The expression for perl, which then knows the line it stands in."""
        name = self.path.replace("\n", "_").replace('"', "_")
        # What follows counts as the last line: there perl finds that a bracket is missing.
        last = self.line + self.text.count("\n")
        return f"\n#line {self.line} {name}\n{self.text}\n#line {last} {name}\n"


@dataclass
class OriginalEntries:
    """The entries of one template in the original's metadata.

    :param expressions: by name; only names that are known.
    :param notes: what has no effect, as messages.
    """

    expressions: dict[str, Expression]
    notes: list[str]

    def literal(self, name: str) -> str | None:
        """Return the value of a name when it is a plain number or text, None when only perl can find it."""
        found = _LITERAL.match(self.expressions[name].text)
        if found is None:
            return None
        octal, decimal, single, double = found.groups()
        if octal is not None:
            # A number that begins with 0 is octal in Perl.
            return str(int(octal, 8))
        return next(text for text in (decimal, single, double) if text is not None)


def read_original(layout: Layout, path: str) -> OriginalEntries:
    """Return the entries of the original's metadata for a template, unevaluated.

    :param path: the template's path.
    :raises TemplateError: when a file cannot be read.
    """
    place = layout.under(DIRECTORY + path)
    entries = OriginalEntries({}, [])
    if os.path.isdir(place):
        for name in sorted(os.listdir(place)):
            file = os.path.join(place, name)
            if os.path.isfile(file) and not is_leftover(name) and (name in NAMES or name.isupper()):
                _add(entries, name, Expression(_text(file), file, 1))
        return entries
    if not os.path.isfile(place):
        return entries
    for number, line in enumerate(_text(place).split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.match(line)
        if found is None:
            entries.notes.append(f"{place}:{number}: is not a line NAME=expression, so it is ignored")
        else:
            _add(entries, found[1], Expression(found[2], place, number))
    return entries


def _add(entries: OriginalEntries, name: str, expression: Expression) -> None:
    if name not in NAMES:
        close = nearest(name, NAMES)
        meant = f"; did you mean {close}?" if close else ""
        entries.notes.append(f"{expression.place}: unknown name {name!r}, which is ignored{meant}")
    elif name in _WITHOUT_EFFECT:
        entries.notes.append(f"{expression.place}: {name} has no effect here; MORE_DATA gives variables")
    else:
        entries.expressions[name] = expression


class OriginalMetadata:
    """The original's metadata of one root; each expression is evaluated once.

    :param layout: the root.
    :param perl: gives what evaluates expressions.
    """

    def __init__(self, layout: Layout, perl: Callable[[], Perl]) -> None:
        self._layout = layout
        self._perl = perl
        self._entries: dict[str, OriginalEntries] = {}
        self._values: dict[tuple[str, str], str | None] = {}

    def entries(self, path: str) -> OriginalEntries:
        """Return the entries of a template, unevaluated."""
        if path not in self._entries:
            self._entries[path] = read_original(self._layout, path)
        return self._entries[path]

    def value(self, path: str, name: str) -> str | None:
        """Return the value of a name, None when it is undefined or there is no entry; lists are joined by NUL.

        :raises TemplateError: when the expression is wrong; it names file and line.
        """
        if name not in self.entries(path).expressions:
            return None
        if (path, name) not in self._values:
            self._values[path, name] = self._evaluated(path, name)
        return self._values[path, name]

    def needs_perl(self, path: str) -> bool:
        """Return whether only perl can find the values of a template's entries."""
        entries = self.entries(path)
        return any(entries.literal(name) is None for name in entries.expressions)

    def mode(self, path: str) -> str | None:
        """Return the mode that PERMS says, in octal: a text that begins with 0 is octal, any other number decimal."""
        value = self.value(path, "PERMS")
        if value is None:
            return None
        expression = self.entries(path).expressions["PERMS"]
        quoted = not expression.text.lstrip()[:1].isdigit()
        octal = quoted and value.startswith("0")
        if not (_OCTAL if octal else _DECIMAL).fullmatch(value) or int(value, 8 if octal else 10) > 0o7777:
            raise TemplateError(
                f"PERMS gives {value!r}, which is no mode", place=expression.place, hint='write 0644 or "0644"'
            )
        return f"{int(value, 8 if octal else 10):04o}"

    def name(self, path: str, name: str) -> str | None:
        """Return the user or group that UID or GID says."""
        value = self.value(path, name)
        if value is not None and not _NAME.fullmatch(value):
            place = self.entries(path).expressions[name].place
            raise TemplateError(f"{name} gives {value!r}, which is no name or number", place=place)
        return value

    def output(self, path: str) -> str | None:
        """Return the output that OUTPUT_FILENAME and OUTPUT_PREFIX say."""
        name, prefix = (self.value(path, word) for word in ("OUTPUT_FILENAME", "OUTPUT_PREFIX"))
        if not name and not prefix:
            return None
        return os.path.normpath("/" + f"{prefix or ''}/{name or path}".lstrip("/"))

    def find(self, tree: TemplateTree, path: str) -> Template | None:
        """Return the template whose fragments TEMPLATE_PATH and TEMPLATE_EXPAND_QUEUE name; None when neither does.

        Its path is the one that was asked for: the output goes there (one template, several outputs).
        """
        source, queue = (self.value(path, word) for word in ("TEMPLATE_PATH", "TEMPLATE_EXPAND_QUEUE"))
        if not source and not queue:
            return None
        if queue:
            places = (self._layout.under(os.path.join("/etc/e-smith", place)) for place in queue.split("\0"))
            tree = TemplateTree(self._layout, tuple(places))
        found = tree.find(source or path)
        return Template(path, found.fragments, found.skipped, source=found.path)

    def filtered(self, path: str, text: bytes, *, drop: bool) -> bytes:
        """Return a text after FILTER.

        :param drop: empty lines are left out, as the original does in files.
        """
        expression = self.entries(path).expressions["FILTER"]
        variables = {"TEXT": text.decode("utf-8", "surrogateescape"), "DROP": drop}
        value = self._perl().evaluate(_FILTERED % expression.code, expression.path, variables)
        return (value or "").encode("utf-8", "surrogateescape")

    def _evaluated(self, path: str, name: str) -> str | None:
        entries = self.entries(path)
        literal = entries.literal(name)
        if literal is not None:
            return literal
        expression = entries.expressions[name]
        return self._perl().evaluate(NAMES[name] % expression.code, expression.path, {})


def _text(file: str) -> str:
    try:
        with open(file, encoding="utf-8", errors="surrogateescape", newline="") as stream:
            return stream.read().replace("\r\n", "\n").removesuffix("\n")
    except OSError as error:
        raise TemplateError(f"cannot be read: {error.strerror}", place=file) from error
