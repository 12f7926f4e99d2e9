"""Running the migrate fragments of contribs: ``db/DATABASE/migrate`` (docs/schema.md#migrate-fragments)."""

from __future__ import annotations

import os

from esmith.disk import read_file
from esmith.errors import TemplateError
from esmith.fragments.engine import choose_engine
from esmith.fragments.perl.engine import Perl
from esmith.fragments.reads import Reads
from esmith.fragments.tree import BEGIN, END
from esmith.perl.sources import TransactionSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Self

    from esmith.fragments.perl.template import PerlTemplate
    from esmith.layout import Layout
    from esmith.store.protocol import Transaction

_UNDONE = "nothing of it is stored; correct or remove it"


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

    def run(self, transaction: Transaction, database: str, paths: list[str]) -> tuple[list[str], list[TemplateError]]:
        """Run fragments in this order. What one that fails did is undone, and those after it run, as in the original.

        After one that ended its perl the others do not run: they might miss the variables of those before it.

        :param paths: the fragments; none is a directory.
        :return: what they warn of, and the faults.
        """
        variables = {"DB_FILENAME": f"/home/e-smith/db/{database}"}
        warnings: list[str] = []
        faults: list[TemplateError] = []
        perl = self._perl_of(transaction)
        with perl.template(f"the database {database}", variables, Reads(), warnings, _no_templates) as template:
            for number, path in enumerate(paths, 1):
                text = b""
                try:
                    text = _read(path)
                    with transaction.savepoint():
                        _run(template, path, text, warnings)
                except TemplateError as error:
                    error.hint = "\n  ".join([*([error.hint] if error.hint else []), _UNDONE])
                    faults.append(error)
                    if text and not perl.is_running:
                        faults += [_not_run(other, path) for other in paths[number:]]
                        break
        return warnings, faults

    def _perl_of(self, transaction: Transaction) -> Perl:
        if self._perl is None or self._transaction is not transaction:
            if self._perl is not None:
                self._perl.close()
            self._transaction = transaction
            self._perl = Perl(self._layout, transaction, TransactionSource(transaction))
        return self._perl


def _run(template: PerlTemplate, path: str, text: bytes, warnings: list[str]) -> None:
    reason = no_migration(path, text)
    if reason:
        warnings.append(f"{path}: {reason}, so it migrates nothing")
    elif b"{" in text:
        template.run(path, text)


def _not_run(path: str, ended: str) -> TemplateError:
    return TemplateError("was not run", place=path, hint=f"correct {ended} first, which ended perl")


def _read(path: str) -> bytes:
    try:
        return read_file(path)
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
    raise TemplateError(f"{path} cannot be expanded by a migration", hint="do it in an action of an event")
