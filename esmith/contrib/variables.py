"""The variables that fragments in Perl read, and that nobody sets before."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from esmith.contrib.place import Contrib
from esmith.fragments.metadata import MetadataFiles
from esmith.fragments.original import OriginalMetadata
from esmith.fragments.tree import Template, TemplateTree
from esmith.layout import LAYERS

if TYPE_CHECKING:
    from esmith.fragments.perl.engine import Perl
    from esmith.store.protocol import Snapshot

#: What each fragment has, besides records (docs/fragments.md#perl).
_ALWAYS = frozenset(("$OUT", "$DB", "$confref", "$EVENT", "%record"))
_BASE = "/etc/e-smith"


class Variables:
    """Looks which variables of the fragments of a contrib are set by nobody.

    :param contrib: the contrib.
    :param perl: compiles the fragments.
    :param snapshot: the databases of the root.
    """

    def __init__(self, contrib: Contrib, perl: Perl, snapshot: Snapshot) -> None:
        self._contrib = contrib
        self._perl = perl
        self._metadata = MetadataFiles(TemplateTree(contrib.here), OriginalMetadata(contrib.here, lambda: perl))
        self._records = {*snapshot.keys("configuration"), *_records_of(contrib)}
        #: Names that are passed to templates: MORE_DATA, here and there.
        self._passed = _passed_by(contrib)

    def check(self, path: str, directory: str, text: bytes) -> None:
        """Look at the variables of a fragment that compiles.

        :param path: the fragment.
        :param directory: the path of its template.
        """
        offer = self._metadata.of(Template(directory, []))
        before = self._texts_before(path)
        code = text.decode("utf-8", "replace")
        for name in self._perl.globals(self._contrib.own.under(path), text):
            word = name[1:]
            line = _line_of(word, code)
            own = any(_sets(one, name) for one in before)
            if name in offer.perl_missing:
                if not _assigns(code, name):
                    message = f"reads {name}, which fragments of the original set and none here does; set it before"
                    self._contrib.fails(path, message, line)
            elif not (own or name in _ALWAYS or name in offer.perl_variables or word in self._passed):
                self._note(path, name, line)

    def _note(self, path: str, name: str, line: int) -> None:
        """Note a name that nobody sets; a hash may be a record that is made later, and is empty until then."""
        if name[0] != "%" and name[1:] not in self._records:
            self._contrib.note(path, f"reads {name}, which nobody sets before: it is empty", line)

    def _texts_before(self, path: str) -> list[str]:
        """Return the fragments of a template up to one, of the contrib and of the root."""
        inner = path.removeprefix(f"{_BASE}/")
        directory, name = os.path.split(inner.partition("/")[2])
        found: dict[str, str] = {}
        for layout in (self._contrib.own, self._contrib.here):
            for layer in LAYERS:
                place = os.path.join(layout.layer(layer), directory)
                names = os.listdir(place) if os.path.isdir(place) else []
                for other in names:
                    if os.path.isfile(os.path.join(place, other)) and (other <= name or other == "template-begin"):
                        found.setdefault(other, os.path.join(place, other))
        return [_read(file) for file in found.values()]


def _records_of(contrib: Contrib) -> set[str]:
    """Return the records of the configuration that a contrib makes."""
    base = f"{_BASE}/db/configuration/"
    paths = (path.removeprefix(base).split("/") for path in contrib.files(base.rstrip("/")))
    return {parts[1] for parts in paths if len(parts) > 1 and parts[0] in ("defaults", "force")}


def _passed_by(contrib: Contrib) -> set[str]:
    """Return the names that are passed to templates by the contrib's metadata, fragments and actions."""
    found: set[str] = set()
    for path in contrib.files(_BASE):
        place = contrib.own.under(path)
        if os.path.isfile(place):
            text = _read(place)
            if "MORE_DATA" in text or path.endswith("/MORE_DATA"):
                found.update(re.findall(r"(\w+)['\"]?\s*=>", text))
    return found


def _line_of(word: str, text: str) -> int:
    """Return the first line of a fragment in which a variable stands, from 1; 0 when it is not found."""
    found = re.search(rf"[$@%]#?\{{?{word}\b", text)
    return text.count("\n", 0, found.start()) + 1 if found else 0


def _sets(text: str, name: str) -> bool:
    """Return whether a fragment sets a name, or adds to it."""
    word = re.escape(name[1:])
    changes = {
        "$": rf"\${word}\s*(?:(?:\.|\|\||//|[-+*x])=|\+\+|--|=~\s*(?:s|tr|y)\b)|\+\+\s*\${word}\b",
        "@": rf"\b(?:push|unshift|splice)\b\s*\(?\s*@{word}\b|\${word}\[[^\]]*\]\s*=(?![=~])",
        "%": rf"\${word}\{{[^}}]*\}}\s*(?:\.|\|\||//|\+)?=(?![=~])|\btie\s*\(?\s*%{word}\b",
    }
    return _assigns(text, name) or re.search(changes[name[0]], text) is not None


def _assigns(text: str, name: str) -> bool:
    """Return whether a fragment gives a name a value of its own."""
    quoted = rf"{re.escape(name)}\b"
    patterns = [rf"{quoted}\s*=(?![=~])", rf"\([^()]*{quoted}[^()]*\)\s*=(?![=~])"]
    if name[0] == "$":
        patterns.append(rf"\bfor(?:each)?\s+{quoted}")
    return any(re.search(pattern, text) for pattern in patterns)


def _read(file: str) -> str:
    try:
        with open(file, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""  # it is reported where the fragment itself is looked at
