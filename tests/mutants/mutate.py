"""Which faults can be put into a file: each is one small change to one expression or statement."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
#: Keywords whose value is text for people. Tests state what a message says, not each word of it.
_TEXT = frozenset({"hint", "place"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mutant:
    """One fault.

    :param path: the file, as the tree names it.
    :param line: where the change begins; from 1.
    :param function: the qualified name of the function it is in, as ``__qualname__``; "" for none.
    :param span: the bytes of the file that are replaced: from, to.
    :param old: what is there.
    :param new: what is put there.
    """

    path: str
    line: int
    function: str
    span: tuple[int, int]
    old: str
    new: str

    def apply(self, source: bytes) -> bytes:
        """Return the file with the fault."""
        return source[: self.span[0]] + self.new.encode() + source[self.span[1] :]

    @property
    def key(self) -> str:
        """What it changes, in one line, without the number of the line, which an edit elsewhere would move."""
        return f"{self.path}: {' '.join(self.old.split())} -> {self.new}"

    def __str__(self) -> str:
        return self.key.replace(self.path, f"{self.path}:{self.line}", 1)


def find_mutants(path: str, source: bytes) -> list[Mutant]:
    """Return every fault that can be put into a file, in the order of the file."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found: dict[tuple[tuple[int, int], str], Mutant] = {}
    for node, function, variants in _walk(ast.parse(source), (), ""):
        assert node.end_lineno is not None and node.end_col_offset is not None
        span = (starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset)
        old = source[span[0] : span[1]].decode()
        for variant in variants:
            new = ast.unparse(variant)
            if isinstance(variant, ast.BoolOp | ast.IfExp | ast.BinOp):
                new = f"({new})"
            found.setdefault((span, new), Mutant(path, node.lineno, function, span, old, new))
    return sorted(found.values(), key=lambda one: (one.span, one.new))


def _walk(
    node: ast.AST, names: tuple[str, ...], function: str
) -> Iterator[tuple[ast.expr | ast.stmt, str, list[ast.AST]]]:
    """Yield each node that can be replaced, the function it is in, and what can take its place.

    :param names: the parts of the qualified name of what it is in.
    :param function: the qualified name of the function it is in, "" for none.
    """
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        # Until Python 3.12 the parts of an f-string do not say where they are; the other is a docstring.
        return
    if isinstance(node, ast.ClassDef):
        names = (*names, node.name)
    elif isinstance(node, _Function):
        function = ".".join((*names, node.name))
        names = (*names, node.name, "<locals>")
    if isinstance(node, ast.expr | ast.stmt):
        yield node, function, list(_variants(node))
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list") or _is_for_checkers(node):
            continue
        for child in value if isinstance(value, list) else [value]:
            if field in ("test", "ifs") and isinstance(child, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
                yield child, function, [ast.UnaryOp(ast.Not(), child)]
            if isinstance(child, ast.AST) and not (isinstance(child, ast.keyword) and child.arg in _TEXT):
                yield from _walk(child, names, function)


def _is_for_checkers(node: ast.AST) -> bool:
    """Return whether a statement is about TYPE_CHECKING, which nobody sees when the program runs."""
    part = node.test if isinstance(node, ast.If) else node.targets[0] if isinstance(node, ast.Assign) else None
    return isinstance(part, ast.Name) and part.id == "TYPE_CHECKING"


def _variants(node: ast.expr | ast.stmt) -> Iterator[ast.AST]:
    if isinstance(node, ast.expr):
        yield from _of_expression(node)
        return
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield ast.Return(ast.Constant(None))
    elif _is_effect(node):
        yield ast.Pass()
    elif isinstance(node, ast.Break):
        yield ast.Continue()
    elif isinstance(node, ast.Continue):
        yield ast.Break()


def _is_effect(node: ast.stmt) -> bool:
    """Return whether Python can go on without a statement: it calls, raises or changes something, but binds no name."""
    if isinstance(node, ast.Assign):
        return not isinstance(node.targets[0], ast.Name | ast.Tuple)
    return (
        isinstance(node, ast.Raise | ast.AugAssign) or isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    )


def _of_expression(node: ast.expr) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            changed = copy.deepcopy(node)
            changed.ops[place] = cast(ast.cmpop, _SWAPPED[type(operator)]())
            yield changed
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(cast(ast.boolop, _SWAPPED[type(node.op)]()), node.values)
        yield from node.values
    elif isinstance(node, ast.BinOp) and type(node.op) in _SWAPPED:
        yield ast.BinOp(node.left, cast(ast.operator, _SWAPPED[type(node.op)]()), node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Call):
        for place, given in enumerate(node.keywords):
            if given.arg not in (None, *_TEXT):
                yield ast.Call(node.func, node.args, node.keywords[:place] + node.keywords[place + 1 :])
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node.value)


def _of_constant(value: object) -> Iterator[ast.AST]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)
    elif isinstance(value, str) and value and not any(letter.isspace() for letter in value):
        # A string with a space is text for people.
        yield ast.Constant(f"{value}-x")
    elif isinstance(value, bytes) and value:
        yield ast.Constant(value + b"-x")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
