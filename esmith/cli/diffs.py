"""``--diff`` of the commands that install files."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.layout import Layout
    from esmith.plan.plan import Plan
    from esmith.store.protocol import Store


def diff_printer(
    layout: Layout, store: Store, *, prints: bool = True, installs: bool = True, color: str = "auto"
) -> Callable[[Plan], None]:
    """Return what prints the diffs of a plan. Call it before anything is changed: a broken schema file fails here.

    :param prints: whether diffs are printed after all; ``--json`` has no place for them.
    :param installs: whether the plan is installed before they are: what was there cannot be looked up then.
    :param color: the value of ``--color``.
    :raises SchemaError: when a schema file is broken, so that it is not known which values are secret.
    """
    from esmith.cli.colour import choose, styled_diff
    from esmith.cli.output import print_lines
    from esmith.plan.diff import diff_all, secret_values, secrets_in_files
    from esmith.schema.load import Schema

    choose(color)
    schema = Schema(layout)
    with store.snapshot() as snapshot:
        list(secret_values(snapshot, schema))
        before = secrets_in_files(snapshot, schema) if prints and installs else None

    def show(plan: Plan) -> None:
        if prints:
            with store.snapshot() as snapshot:
                print_lines(styled_diff(diff_all(plan, snapshot, schema, before)))

    return show


def no_diff(_plan: Plan) -> None:
    """Print nothing: no diffs were asked for."""
