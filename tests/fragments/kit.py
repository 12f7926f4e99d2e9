"""Templates in a folder and databases in memory: what the tests of the fragments are made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from esmith.errors import TemplateError
from esmith.fragments.perl.engine import PATH, SECONDS, Perl
from esmith.fragments.render import Renderer
from esmith.fragments.rendering import Rendering
from esmith.layout import Layout
from esmith.store.journal import Entry
from esmith.store.model import Record, Revision

#: A record as tests write it: its type and its properties.
Contents = dict[str, tuple[str, dict[str, str]]]


class MemorySnapshot:
    """A snapshot of databases that were never stored, so that it may hold what the store refuses.

    :param databases: records by database and key.
    """

    def __init__(self, **databases: Contents) -> None:
        self.contents = databases

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Have nothing to release."""

    def databases(self) -> list[str]:
        """Return the names of the databases."""
        return sorted(self.contents)

    def has_database(self, database: str) -> bool:
        """Return whether there is such a database."""
        return database in self.contents

    def keys(self, database: str) -> list[str]:
        """Return the keys in byte order."""
        return sorted(self.contents.get(database, {}), key=str.encode)

    def type_of(self, database: str, key: str) -> str | None:
        """Return the type of a record."""
        return self.prop(database, key, "")

    def prop(self, database: str, key: str, prop: str) -> str | None:
        """Return a property; "" is the type."""
        record = self.record(database, key)
        if record is None:
            return None
        return record.props.get(prop) if prop else record.type

    def record(self, database: str, key: str) -> Record | None:
        """Return a record."""
        found = self.contents.get(database, {}).get(key)
        return None if found is None else Record(key, found[0], dict(sorted(found[1].items())))

    def records(self, database: str, type: str | None = None) -> Iterator[Record]:
        """Yield the records in byte order of their keys."""
        for key in self.keys(database):
            record = self.record(database, key)
            if record is not None and type in (None, record.type):
                yield record

    def blocks(self, _database: str) -> Iterator[list[tuple[bytes, bytes]]]:
        """Yield nothing: no template lists a database so."""
        yield from ()

    def revision(self, _database: str | None = None) -> int:
        """Return 0: nothing was ever written."""
        return 0

    def revisions(self, _newest: int | None = None) -> Iterator[Revision]:
        """Yield nothing."""
        return iter(())

    def journal(self, _newest: int | None = None) -> Iterator[Entry]:
        """Yield nothing."""
        yield from ()

    def state(self, _table: str, _name: str) -> bytes | None:
        """Return nothing."""
        return None

    def states(self, _table: str) -> Iterator[tuple[str, bytes]]:
        """Yield nothing."""
        return iter(())


#: A few records that most tests can do with.
CONFIGURATION: Contents = {
    "DomainName": ("example.com", {}),
    "SystemName": ("mail", {}),
    "empty": ("", {}),
    "qpsmtpd": ("service", {"DNSBL": "enabled", "LogLevel": "6", "Bcc": ""}),
    "httpd-admin": ("service", {"TCPPort": "980"}),
}
ACCOUNTS: Contents = {
    "tom": ("user", {"Uid": "5001"}),
    "Zoe": ("user", {"Uid": "5002"}),
    "sales": ("group", {"Members": "tom,Zoe"}),
    "boss@test.com": ("pseudonym", {"Account": "tom"}),
}


class Trees:
    """The two layers of templates of one root, and what they expand to.

    :param path: the root.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.layout = Layout(str(path))
        self.snapshot = MemorySnapshot(configuration=dict(CONFIGURATION), accounts=dict(ACCOUNTS))
        #: How long a Perl fragment may take.
        self.seconds = SECONDS
        #: Where perl is looked for.
        self.perl_path = PATH
        #: The event they are expanded for, which Perl fragments know.
        self.event = ""

    def standard(self, path: str, content: str | bytes = "") -> Path:
        """Write a file of ``templates``."""
        return self._write("templates", path, content)

    def custom(self, path: str, content: str | bytes = "") -> Path:
        """Write a file of ``templates-custom``."""
        return self._write("templates-custom", path, content)

    def ships(self, *paths: str) -> None:
        """Write the list of shipped files: these fragments, by their paths in ``templates``, and no others."""
        self.file("/var/lib/e-smith/shipped").write_text("".join(f"0  templates{path}\n" for path in paths))

    def perl(self) -> None:
        """Say that every fragment is Perl, whatever it looks like."""
        self.standard("/template.toml", 'engine = "perl"\n')

    def place(self, layer: str, path: str) -> Path:
        """Return where a file of a layer is; its directory is made."""
        place = Path(self.layout.layer(layer) + path)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def file(self, path: str) -> Path:
        """Return where a path of the configured system is; its directory is made."""
        place = Path(self.layout.under(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def renderer(self) -> Renderer:
        """Return what expands the templates as they are now."""
        perl = Perl(self.layout, self.snapshot, event=self.event, seconds=self.seconds, path=self.perl_path)
        return Renderer(self.layout, self.snapshot, perl=perl)

    def render(self, path: str) -> Rendering:
        """Expand a template that has one output."""
        with self.renderer() as renderer:
            (rendering,) = renderer.render(path)
        return rendering

    def text(self, path: str) -> str:
        """Return the text a template expands to."""
        return self.render(path).content.decode()

    def expand(self, fragment: str) -> str:
        """Return what the text of a fragment expands to."""
        self.standard("/t/template-begin")
        self.standard("/t/10a", fragment)
        return self.text("/t")

    def error(self, path: str) -> TemplateError:
        """Return the error a template ends in."""
        with pytest.raises(TemplateError) as caught, self.renderer() as renderer:
            list(renderer.render(path))
        return caught.value

    def mistake(self, fragment: str) -> TemplateError:
        """Return the error that the text of a fragment ends in; the fragment is ``/t/10a``."""
        self.standard("/t/template-begin")
        self.standard("/t/10a", fragment)
        return self.error("/t")

    @property
    def fragment(self) -> str:
        """The path of the fragment of :meth:`expand` and :meth:`mistake`."""
        return str(self.place("templates", "/t/10a"))

    def _write(self, layer: str, path: str, content: str | bytes) -> Path:
        place = self.place(layer, path)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        return place
