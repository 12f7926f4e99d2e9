"""Finding blocks that take over a name which holds something else; ruff's PLR1704 and PLW2901 see only some of them.

``for name in others`` leaves the last of the others in ``name``: whoever reads it after the loop gets the wrong thing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

#: Names inside of these are not those of the function around them. Tuples: to ask for one of a union takes far longer.
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_OTHER_SCOPES = (*_FUNCTIONS, ast.ClassDef, ast.Lambda, *_COMPREHENSIONS)
_LOOPS = (ast.For, ast.AsyncFor)
_WITHS = (ast.With, ast.AsyncWith)
#: Leaves that say nothing by themselves: whether a name is read or bound, and which operator it is. They are a third
#: of all nodes.
_LEAVES = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)


def children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes directly below one, without those that say nothing by themselves, such as operators.

    ``ast.iter_child_nodes`` takes twice as long, and the trees of all files have a million nodes.
    """
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [one for one in value if isinstance(one, ast.AST) and not isinstance(one, _LEAVES)]
        elif isinstance(value, ast.AST) and not isinstance(value, _LEAVES):
            found.append(value)
    return found


def walk(tree: ast.AST) -> list[ast.AST]:
    """Return a node and all that are below it, one level after the other, without those that :func:`children` omits."""
    found = [tree]
    for node in found:
        found += children(node)
    return found


def taken_over(tree: ast.Module) -> list[str]:
    """Return the names that a block takes over although they held something else, each with the line.

    Blocks with the same keyword may share a name: none of them means it to outlive the block. The order is that of the
    lines, whatever branches there are.
    """
    found = []
    scopes: list[ast.AST] = [tree]
    for scope in scopes:
        nodes = _own_nodes(scope)
        scopes += [node for node in nodes if isinstance(node, _OTHER_SCOPES)]
        holds: dict[str, str] = {}
        for line, _, keyword, name in sorted(_bindings(nodes)) if isinstance(scope, (*_FUNCTIONS, ast.Module)) else ():
            if keyword and holds.get(name, keyword) != keyword and name != "_":
                found.append(f"{line} {keyword} {name}")
            holds[name] = keyword
    return found


def _own_nodes(scope: ast.AST) -> list[ast.AST]:
    """Return the nodes of a function or module that are not inside another scope."""
    found = children(scope)
    for node in found:
        if not isinstance(node, _OTHER_SCOPES):
            found += children(node)
    return found


def _block_targets(node: ast.AST) -> tuple[str, list[ast.expr]]:
    """Return the keyword of a block that binds names, and where it binds them; "" for anything else."""
    if isinstance(node, _LOOPS):
        return "for", [node.target]
    if isinstance(node, _WITHS):
        return "with", [item.optional_vars for item in node.items if item.optional_vars]
    return "", []


def _bindings(nodes: list[ast.AST]) -> Iterator[tuple[int, int, str, str]]:
    """Yield what binds names, of the nodes of a scope: line, column, keyword ("" for anything but a block), name."""
    keywords: dict[ast.AST, str] = {}
    for node in nodes:
        keyword, targets = _block_targets(node)
        for target in targets:
            keywords |= dict.fromkeys(walk(target), keyword)
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.col_offset, keywords.get(node, ""), node.id
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.lineno, node.col_offset, "except", node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.col_offset, "", node.arg
        elif isinstance(node, ast.alias):
            yield node.lineno, node.col_offset, "", (node.asname or node.name).split(".")[0]
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            yield node.lineno, node.col_offset, "", node.name
