"""What ``preview`` and ``apply`` do: operations, each of which is tried and done by the same code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from esmith.manager.helper.operations import arguments
from esmith.manager.helper.operations.engine import (
    EventOperation,
    RecoverOperation,
    RollbackOperation,
    ServiceOperation,
)
from esmith.manager.helper.operations.panels import (
    ActionOperation,
    CreateOperation,
    DeleteOperation,
    FormOperation,
    ModifyOperation,
)
from esmith.manager.helper.operations.settings import SettingOperation, UndoOperation

if TYPE_CHECKING:
    from esmith.manager.helper.context import Context
    from esmith.manager.helper.operations.base import Operation
    from esmith.schema.remembered import RememberedFiles

#: The operations by their names on the wire.
OPERATIONS: dict[str, type[Operation]] = {
    one.kind: one
    for one in (
        *(FormOperation, CreateOperation, ModifyOperation, DeleteOperation, ActionOperation),
        *(SettingOperation, UndoOperation),
        *(EventOperation, RollbackOperation, ServiceOperation, RecoverOperation),
    )
}


def read_operation(context: Context, data: Any, remembered: RememberedFiles | None = None) -> Operation:
    """Return the operation that somebody asks for, its arguments checked.

    :param data: what came over the wire.
    :param remembered: what schema files hold, as the databases have it, which are open for as long as it is used.
    :raises VerbError: when it is none.
    """
    if not isinstance(data, dict):
        raise arguments.wrong("the operation is no object")
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in OPERATIONS:
        raise arguments.wrong(f"there is no operation {arguments.shown(kind)}")
    return OPERATIONS[kind](context, {name: value for name, value in data.items() if name != "kind"}, remembered)
