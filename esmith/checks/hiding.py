"""Secrets in what a check says: what it complains of quotes the file, and the file may hold a secret."""

from __future__ import annotations

from esmith.fields import dataclass
from esmith.printable import printable
from esmith.schema.load import Schema
from esmith.schema.secrecy import MASK, is_findable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from esmith.fragments.rendering import Rendering
    from esmith.layout import Layout
    from esmith.plan.plan import Plan
    from esmith.store.protocol import Store

#: Stands for what a check says about a file that is made from a secret, which may be there in another form.
REASON = "the file holds a secret, so the reason is not shown"


@dataclass(frozen=True)
class Secrets:
    """What may not be shown of the files that are checked.

    :param values: the secrets.
    :param holds: whether a file is made from a secret, by its path and what gives it, as far as that is known.
    """

    values: Collection[str] = ()
    holds: Callable[[str, Rendering | None], bool] = lambda _path, _rendering: False

    def mask(self, text: str) -> str:
        """Return a text in which each secret is masked, as it is or as messages quote it."""
        for secret in sorted(self.values, key=len, reverse=True):
            for form in _forms(secret):
                text = text.replace(form, MASK)
        return text

    def without(self, text: str, path: str, rendering: Rendering | None) -> str:
        """Return what a rule of our own says about a file, as it may be shown.

        Unlike a program it quotes the file in each of its texts, also a part of a line.
        """
        masked = self.mask(text)
        return REASON if masked == text and self.holds(path, rendering) else masked


def stored_secrets(layout: Layout, store: Store) -> set[str]:
    """Return the secrets of the databases, also those of before, as far as they are not found in texts by chance."""
    from esmith.plan.diff import secret_values

    with store.snapshot() as snapshot:
        return {value for _, value in secret_values(snapshot, Schema(layout)) if is_findable(value)}


def secrets_read(plan: Plan, schema: Schema, others: Collection[str] = ()) -> Secrets:
    """Return the secrets that the files of a plan were made from, as far as they were expanded now.

    :param others: more secrets: a program may quote a neighbour of the file, which was not expanded.
    """
    # Many outputs have the reads of their keys in common.
    apart = {id(reads): reads for output in plan.outputs for reads in output.rendering.reads_apart()}
    cells = {item for reads in apart.values() for item in reads.props.items()}
    values = {value for cell, value in cells if value and schema.hides(cell, value)}
    return Secrets(values.union(others), lambda _path, rendering: reads_secret(rendering, schema))


def reads_secret(rendering: Rendering | None, schema: Schema) -> bool:
    """Return whether a file is made from a secret; False where it is not known what it is made from."""
    apart = rendering.reads_apart() if rendering is not None else []
    return any(value and schema.hides(cell, value) for reads in apart for cell, value in reads.props.items())


def _forms(secret: str) -> list[str]:
    """Return how a secret may stand in a message: as it is, printable, and as Python and JSON quote it."""
    import json

    # Among both kinds of quotes Python writes one of them with a backslash.
    quoted = (repr(secret)[1:-1], repr(f'"{secret}')[2:-1])
    others = (printable(secret), json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    return sorted({secret, *quoted, *others}, key=len, reverse=True)
