"""The literals that shipped fragments fall back to, found in the syntax trees of their Jinja2."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, nodes

from esmith.fragments.engine import choose_engine
from esmith.schema.model import Property, RecordSchema

REPOSITORY = Path(__file__).parent.parent.parent
TEMPLATES = REPOSITORY / "templates"
#: Filters that give something else for a missing value.
_DEFAULTS = ("default", "d")
#: A database, what it knows of the record, and a property; "" for the value of a record without properties.
Cell = tuple[str, str, str]


@dataclass(frozen=True)
class Fallback:
    """A literal that stands for a missing or empty value.

    :param fragment: the fragment, below ``templates``; or metadata, with its key.
    :param literal: what it falls back to.
    :param cells: the properties that may be missing: database, name of the schema file, property. Several when the
        record may be of several types, none when it cannot be seen from the fragment which record it is.
    :param code: the value that may be missing, roughly as it is written.
    """

    fragment: str
    literal: str
    cells: tuple[Cell, ...]
    code: str


#: Variables that a template passes to another one: the records they stand for.
_PASSED = {
    "domain": "domains:domain",
    "interface": "configuration:interface",
    "service": "configuration:service",
}


@dataclass
class _Names:
    """What the names of a fragment stand for.

    :param records: names of records: the schema files that may be theirs, as (database, file).
    :param others: names of anything else but a configuration record.
    """

    records: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)


def shipped_fallbacks() -> list[Fallback]:
    """Return the literals of all shipped fragments and their metadata."""
    return [found for name, text, foreach in _texts() for found in fallbacks(name, text, foreach)]


def _texts() -> Iterator[tuple[str, str, str]]:
    """Yield name, Jinja2 and ``foreach`` of every shipped fragment, and of every value of metadata."""
    for path in sorted(TEMPLATES.rglob("*")):
        if not path.is_file():
            continue
        name = str(path.relative_to(TEMPLATES))
        if path.name == "template.toml":
            data = tomllib.loads(path.read_text())
            for key, value in data.items():
                if isinstance(value, str):
                    braces = value if "{" in value or not key.endswith("-when") else f"{{{{ {value} }}}}"
                    yield f"{name} {key}", braces, data.get("foreach", "")
        elif choose_engine(path.read_text()).engine == "jinja2":
            yield name, path.read_text(), _foreach(path)


def _foreach(fragment: Path) -> str:
    """Return ``foreach`` of the nearest metadata above a fragment that has one."""
    for directory in fragment.parents:
        metadata = directory / "template.toml"
        if metadata.exists() and (foreach := tomllib.loads(metadata.read_text()).get("foreach")):
            return str(foreach)
        if directory == TEMPLATES:
            break
    return ""


def fallbacks(name: str, text: str, foreach: str = "") -> list[Fallback]:
    """Return the literals of one fragment.

    :param foreach: the metadata ``foreach`` of its template.
    """
    tree = Environment(trim_blocks=True, lstrip_blocks=True).parse(text)
    names = _names_of(tree)
    for variable, spec in _PASSED.items():
        names.records.setdefault(variable, _files(spec))
    if foreach:
        names.records["record"] = _files(foreach)
    return [
        Fallback(name, literal, tuple(_cells(subject, names)), _code(subject)) for subject, literal in _literals(tree)
    ]


def _literals(tree: nodes.Template) -> Iterator[tuple[nodes.Node, str]]:
    """Yield what may be missing with the constant that stands for it."""
    for either in tree.find_all(nodes.Or):
        if isinstance(either.right, nodes.Const):
            yield _last(either.left), str(either.right.value)
    for use in tree.find_all(nodes.Filter):
        if use.name in _DEFAULTS and use.node is not None and use.args and isinstance(use.args[0], nodes.Const):
            yield _last(use.node), str(use.args[0].value)


def _last(node: nodes.Node) -> nodes.Node:
    """Return the last of several values of which the first that is there counts."""
    return _last(node.right) if isinstance(node, nodes.Or) else node


def _names_of(tree: nodes.Template) -> _Names:
    names = _Names()
    for loop in tree.find_all(nodes.For):
        spec = _records_call(loop.iter)
        for target in [loop.target, *loop.target.find_all(nodes.Name)]:
            if isinstance(target, nodes.Name) and spec:
                names.records[target.name] = _files(spec)
            elif isinstance(target, nodes.Name):
                names.others.add(target.name)
    for assignment in tree.find_all(nodes.Assign):
        targets = [assignment.target, *assignment.target.find_all(nodes.Name)]
        names.others |= {target.name for target in targets if isinstance(target, nodes.Name)}
    for macro in tree.find_all(nodes.Macro):
        names.others |= {argument.name for argument in macro.args}
    return names


def _records_call(node: nodes.Node) -> str:
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "records" and node.args:
        return str(node.args[0].value) if isinstance(node.args[0], nodes.Const) else ""
    return ""


def _files(spec: str) -> list[tuple[str, str]]:
    """Return the schema files for the records of ``accounts:user,group``."""
    database, _, types = spec.partition(":")
    kinds = [f"@{kind}" for kind in types.split(",")] if types else []
    return [
        (database, kind) for kind in kinds or [path.stem for path in _schema_files(database) if path.stem[0] == "@"]
    ]


def _schema_files(database: str) -> list[Path]:
    return sorted((REPOSITORY / "db" / database).glob("*.toml"))


def _cells(node: nodes.Node, names: _Names) -> Iterator[Cell]:
    """Yield the properties that an expression may read."""
    if isinstance(node, nodes.Name):
        if node.name not in names.others and node.name not in names.records:
            yield "configuration", node.name, ""
        return
    prop = _member(node)
    owner = getattr(node, "node", None)
    if prop is None or owner is None:
        return
    for database, file in _records_of(owner, names):
        yield database, file, prop


def _records_of(node: nodes.Node, names: _Names) -> Iterator[tuple[str, str]]:
    """Yield the schema files of the record that an expression gives."""
    if isinstance(node, nodes.CondExpr):
        for branch in (node.expr1, node.expr2):
            yield from _records_of(branch, names) if branch is not None else ()
    elif isinstance(node, nodes.Name):
        if node.name in names.records:
            yield from names.records[node.name]
        elif node.name not in names.others:
            yield "configuration", node.name
    elif isinstance(node, nodes.Getattr | nodes.Getitem):
        database = node.node
        if isinstance(database, nodes.Getattr) and isinstance(database.node, nodes.Name) and database.node.name == "db":
            key = _member(node)
            yield from [(database.attr, key)] if key else _files(database.attr)


def _member(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return str(node.arg.value)
    return None


def _code(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr | nodes.Getitem):
        return f"{_code(node.node)}.{_member(node) or '[]'}"
    return type(node).__name__


def reading_of(cell: Cell) -> str | None:
    """Return what a missing property reads as by the shipped schema files, None when it stays missing."""
    known = schema_of(cell)
    if known is None:
        return None
    return known.unset if known.unset is not None or not cell[2] else known.default


def numbers(name: str, text: str, foreach: str = "") -> list[Fallback]:
    """Return the numbers that stand for a value that is not a number: ``x.y | int(25)``."""
    tree = Environment(trim_blocks=True, lstrip_blocks=True).parse(text)
    names = _names_of(tree)
    if foreach:
        names.records["record"] = _files(foreach)
    return [
        Fallback(name, str(use.args[0].value), tuple(_cells(_last(use.node), names)), _code(_last(use.node)))
        for use in tree.find_all(nodes.Filter)
        if use.name in ("int", "float") and use.node is not None and use.args and isinstance(use.args[0], nodes.Const)
    ]


def shipped_numbers() -> list[Fallback]:
    """Return the numbers of all shipped fragments that stand for a value that is not a number."""
    return [found for name, text, foreach in _texts() for found in numbers(name, text, foreach)]


def schema_of(cell: Cell) -> Property | None:
    """Return the entries of the shipped schema files for a property, the record's own file before that of its type."""
    database, name, prop = cell
    for file in _schema_with_type(database, name):
        known = file.properties.get(prop) if prop else file.value
        if known is not None:
            return known
    return None


def _schema_with_type(database: str, name: str) -> Iterator[RecordSchema]:
    path = REPOSITORY / "db" / database / f"{name}.toml"
    if path.exists():
        file = RecordSchema(database, name, tomllib.loads(path.read_text()))
        yield file
        if file.type and not name.startswith("@"):
            yield from _schema_with_type(database, f"@{file.type}")
