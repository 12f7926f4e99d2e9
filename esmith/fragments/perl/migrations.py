"""Running the migrate fragments of contribs: ``db/DATABASE/migrate`` (docs/schema.md#migrate-fragments)."""

from __future__ import annotations

import os
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from esmith.errors import TemplateError
from esmith.fragments.engine import choose_engine
from esmith.fragments.perl.engine import Perl
from esmith.fragments.reads import Reads
from esmith.fragments.tree import BEGIN, END
from esmith.layout import Layout
from esmith.perl.sources import TransactionSource

if TYPE_CHECKING:
    from esmith.store.protocol import Transaction


class PerlMigrations:
    """Runs migrate fragments; implements :class:`esmith.schema.initialize.Migrations`. A context manager.

    The fragments of a database share a package, as those of a template do. What they give is thrown away. ``$DB`` is
    the database ``configuration``, writable; ``$DB_FILENAME`` is the path of the database that is migrated, for
    ``esmith::ConfigDB->open``. All databases of a transaction share one perl; without fragments none is started.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._transaction: Transaction | None = None
        self._perl: Perl | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._perl is not None:
            self._perl.close()

    def run(self, transaction: Transaction, database: str, paths: list[str]) -> list[str]:
        """Run fragments in this order; return what they warn of.

        :param paths: the fragments; none is a directory.
        :raises TemplateError: when one is broken; the transaction holds what was changed until then.
        """
        variables = {"DB_FILENAME": f"/home/e-smith/db/{database}"}
        warnings: list[str] = []
        texts = {path: _read(path) for path in paths}
        perl = self._perl_of(transaction)
        with perl.template(f"the database {database}", variables, Reads(), warnings, _no_templates) as template:
            for path, text in texts.items():
                reason = no_migration(path, text)
                if reason:
                    warnings.append(f"{path}: {reason}, so it migrates nothing")
                elif b"{" in text:
                    template.run(path, text)
        return warnings

    def _perl_of(self, transaction: Transaction) -> Perl:
        if self._perl is None or self._transaction is not transaction:
            if self._perl is not None:
                self._perl.close()
            self._transaction = transaction
            self._perl = Perl(self._layout, transaction, TransactionSource(transaction))
        return self._perl


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise TemplateError(f"cannot be read: {error.strerror}", place=path, hint="correct or remove it") from error


def no_migration(path: str, text: bytes) -> str:
    """Return why a fragment cannot migrate anything; "" when it can, or is empty, or a mere banner."""
    if not text.strip() or os.path.basename(path) in (BEGIN, END):
        return ""
    if b"{" not in text:
        return "has no block of Perl"
    choice = choose_engine(text.decode("utf-8", "surrogateescape"), place="in a migrate fragment")
    return "is Jinja2, which cannot write a setting" if choice.engine == "jinja2" else ""


def _no_templates(path: str, _variables: dict[str, Any], _directories: list[str]) -> bytes:
    raise TemplateError("cannot be expanded by a migration", place=path, hint="do it in an action of an event")
