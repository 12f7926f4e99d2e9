"""Compiled Jinja2 fragments, kept in the private directory of a root: only one with another text is compiled.

A file there is named by the digest of all that the code depends on: text and path of the fragment, Python, Jinja2, and
how the engine has fragments compiled.
"""

from __future__ import annotations

import marshal
import os
import sys

from esmith.looks import looks_of_program
from esmith.private import PrivateDirectory, digest_of, keep_later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

    from esmith.layout import Layout

#: Another number for another form of the files.
_FORMAT = "1"


class CompiledFragments:
    """The compiled fragments of a root.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._directory = PrivateDirectory(layout.kept_code)
        self._compiler: str | None = None

    def find(self, text: str, path: str) -> CodeType | None:
        """Return the code of a fragment, None when it is not kept.

        :param text: the fragment.
        :param path: its path, which messages name.
        """
        name = self._name(text, path)
        content = self._directory.read(name) if name else None
        if content is None:
            return None
        try:
            code = marshal.loads(content)
        except (ValueError, TypeError, EOFError):
            return None
        return code if isinstance(code, type(_compiler.__code__)) else None

    def note(self, text: str, path: str, code: CodeType) -> None:
        """Note the code of a fragment for :func:`esmith.private.keep_all`."""
        name = self._name(text, path)
        if name:
            keep_later(self._directory.path, name, lambda: marshal.dumps(code))

    def _name(self, text: str, path: str) -> str:
        """Return the name of the file for a fragment, "" where it is not known what compiles it."""
        if self._compiler is None:
            self._compiler = _compiler()
        if not self._compiler:
            return ""
        parts = "\0".join((_FORMAT, sys.version, self._compiler, path, text))
        return digest_of(parts.encode("utf-8", "surrogatepass"))


def _compiler() -> str:
    """Return what stands for Jinja2 and for what the engine gives it, "" when they cannot be found."""
    here = os.path.dirname(os.path.abspath(__file__))
    files = [os.path.join(here, name) for name in ("jinja.py", "helpers.py", "records.py")]
    for directory in sys.path:
        package = os.path.join(directory, "jinja2")
        if os.path.isfile(os.path.join(package, "__init__.py")):
            files += [os.path.join(package, name) for name in ("__init__.py", "compiler.py", "filters.py")]
            break
    else:
        return ""
    try:
        return looks_of_program(files)
    except OSError:
        return ""
