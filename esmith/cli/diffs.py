"""``--diff`` of the commands that install files."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.plan.diff import Before
    from esmith.plan.plan import Plan
    from esmith.store.protocol import Store


class DiffPrinter:
    """Prints the diffs of a plan. Make it before anything is changed: a broken schema file fails here.

    :param store: the databases that the plans are made from; a rehearsal sets others when it goes on with those.
    :param prints: whether diffs are printed after all; ``--json`` has no place for them.
    :param color: the value of ``--color``.
    :raises SchemaError: when a schema file is broken, so that it is not known which values are secret.
    """

    def __init__(self, layout: Layout, store: Store, *, prints: bool = True, color: str = "auto") -> None:
        from esmith.cli.colour import choose
        from esmith.plan.diff import secret_values
        from esmith.schema.load import Schema

        choose(color)
        self.store = store
        self._schema = Schema(layout)
        self._prints = prints
        self._before: Before | None = None
        with store.snapshot() as snapshot:
            list(secret_values(snapshot, self._schema))

    def look(self, plan: Plan) -> None:
        """Look up what the files of a plan were made from; after it is installed that is not known any more."""
        if self._prints:
            from esmith.plan.diff import secrets_before

            with self.store.snapshot() as snapshot:
                self._before = (self._before or {}) | secrets_before(plan, snapshot, self._schema)

    def __call__(self, plan: Plan) -> None:
        """Print the diffs of a plan, which is installed by now where it was looked at."""
        if self._prints:
            from esmith.cli.colour import styled_diff
            from esmith.cli.output import print_lines
            from esmith.plan.diff import diff_all

            with self.store.snapshot() as snapshot:
                print_lines(styled_diff(diff_all(plan, snapshot, self._schema, self._before)))


def no_diff(_plan: Plan) -> None:
    """Print nothing: no diffs were asked for."""
