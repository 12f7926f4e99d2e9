"""Which settings decide on a piece of a Jinja2 fragment, as far as the text of the fragment says so.

A piece depends on the expression that it prints, on the tests and loops around it, and on whatever the variables in
these were set from, anywhere in the fragment. So it names rather too many settings than too few. What is not known by
the text alone, as ``db.accounts[key]``, counts as "anything that the fragment does not name otherwise".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from jinja2 import nodes

from esmith.fields import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fragments.reads import Reads

    #: Database, key and property; property "" for the type, or the value of a record without properties.
    Cell = tuple[str, str, str]

_CONFIGURATION = "configuration"
#: The variables that the engine gives to fragments; they are not records. What they give is not named in the text.
_GIVEN = frozenset(("db", "records", "record", "key", "template", "passwd", "varargs", "kwargs"))


@dataclass
class Names:
    """What the text of a fragment names.

    :param props: (record, property) of the configuration database; property "" for all of a record.
    :param others: whether it uses what has no name in the text: a record of a list, a record by a variable.
    """

    props: set[tuple[str, str]] = field(default_factory=set)
    others: bool = False

    def add(self, other: Names) -> None:
        """Add what another one names."""
        self.props |= other.props
        self.others |= other.others

    def covers(self, cell: Cell) -> bool:
        """Return whether it names a cell."""
        database, key, prop = cell
        if database != _CONFIGURATION:
            return False
        return (key, prop) in self.props or (key, "") in self.props or (not prop and self._has_record(key))

    def _has_record(self, key: str) -> bool:
        return any(record == key for record, _ in self.props)


class Slices:
    """The parts of one fragment, each with what decides on it.

    :param tree: the fragment, parsed.
    :param functions: the names of the functions that every fragment may call.
    """

    def __init__(self, tree: nodes.Template, functions: Collection[str] = ()) -> None:
        self._functions = frozenset(functions) - _GIVEN
        #: The names that the fragment gives to something itself: no records.
        self.locals = local_names(tree)
        self._around: dict[int, list[nodes.Node]] = {}
        self._set_by: dict[str, list[tuple[nodes.Node, list[nodes.Node]]]] = {}
        self._known: dict[int, Names] = {}
        self._keep = tree  # what is known by its id stays in memory
        self._walk(tree, [])
        #: All that the fragment names anywhere.
        self.all = self._named([tree], set())

    def of(self, node: nodes.Node) -> Names:
        """Return what decides on a node of the fragment."""
        if id(node) not in self._known:
            # A loop prints it for each of a thousand users.
            printed = [] if isinstance(node, nodes.Output) else [node]
            self._known[id(node)] = self._named([*printed, *self._around.get(id(node), [])], set())
        return self._known[id(node)]

    def _walk(self, node: nodes.Node, around: list[nodes.Node]) -> None:
        """Note for each node the tests and lists of the statements around it, and for each name what it is set to."""
        self._around[id(node)] = around
        if isinstance(node, nodes.If):
            inner = [*around, node.test]
            inner.extend(branch.test for branch in node.elif_)
            for one in node.iter_child_nodes():
                self._walk(one, inner)
            return
        if isinstance(node, nodes.For):
            inner = [*around, node.iter, *([node.test] if node.test is not None else [])]
            self._note(node.target, [node.iter], around)
        elif isinstance(node, nodes.Assign):
            inner = around
            self._note(node.target, [node.node], around)
        elif isinstance(node, nodes.AssignBlock):
            inner = around
            self._note(node.target, list(node.body), around)
        elif isinstance(node, nodes.Macro):
            inner = around
            self._set_by.setdefault(node.name, []).append((node, around))
        elif isinstance(node, nodes.With):
            inner = around
            for target, value in zip(node.targets, node.values, strict=True):
                self._note(target, [value], around)
        else:
            inner = around
        for one in node.iter_child_nodes():
            self._walk(one, inner)

    def _note(self, target: nodes.Node, values: Iterable[nodes.Node], around: list[nodes.Node]) -> None:
        for name in _targets(target):
            self._set_by.setdefault(name, []).extend((value, around) for value in values)

    def _named(self, parts: Iterable[nodes.Node], seen: set[str]) -> Names:
        """Return what some parts name, and what the variables in them were set from.

        :param seen: the variables that were looked at; it gets those of these parts.
        """
        found = Names()
        for part in parts:
            for name, attribute in _uses(part):
                if name in self._set_by and name not in seen:
                    seen.add(name)
                    for value, around in self._set_by[name]:
                        found.add(self._named([value, *around], seen))
                if name in self.locals or name in self._functions:
                    continue
                if name in _GIVEN:
                    found.others = True
                else:
                    found.props.add((name, attribute))
        return found


def local_names(tree: nodes.Template) -> set[str]:
    """Return the names that a fragment gives to something itself: variables, loops, macros and their arguments."""
    stored = {name.name for name in tree.find_all(nodes.Name) if name.ctx in ("store", "param")}
    return stored | {macro.name for macro in tree.find_all(nodes.Macro)} | {"loop", "caller"}


def cells_of(names: Names, everything: Names, reads: Reads) -> set[Cell]:
    """Return the cells among those that a fragment read which a part of it depends on.

    :param names: what the part names.
    :param everything: what the fragment names anywhere.
    """
    # A name that was not looked up as a record was given to the fragment, and may be anything.
    given = any((_CONFIGURATION, record, "") not in reads.props for record, _ in names.props)
    others = names.others or given
    return {cell for cell in reads.props if names.covers(cell) or (others and not everything.covers(cell))}


def _targets(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Name | nodes.NSRef):
        yield node.name
    elif isinstance(node, nodes.Tuple | nodes.List):
        for one in node.items:
            yield from _targets(one)


def _uses(node: nodes.Node) -> Iterator[tuple[str, str]]:
    """Yield the names that a part uses, each with the attribute that is taken of it; "" for the name as a whole."""
    if isinstance(node, nodes.Name):
        if node.ctx == "load":
            yield node.name, ""
        return
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        yield node.node.name, node.attr
        return
    if isinstance(node, nodes.Getitem) and isinstance(node.node, nodes.Name) and isinstance(node.arg, nodes.Const):
        yield node.node.name, str(node.arg.value)
        return
    for one in node.iter_child_nodes():
        yield from _uses(one)
