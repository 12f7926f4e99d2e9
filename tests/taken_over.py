"""Finding blocks that take over a name which holds something else; ruff's PLR1704 and PLW2901 see only some of them.

``for name in others`` leaves the last of the others in ``name``: whoever reads it after the loop gets the wrong thing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

_Function = ast.FunctionDef | ast.AsyncFunctionDef
#: Names inside of these are not those of the function around them.
_OTHER_SCOPES = (_Function, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def taken_over(tree: ast.Module) -> list[str]:
    """Return the names that a block takes over although they held something else, each with the line.

    Blocks with the same keyword may share a name: none of them means it to outlive the block. The order is that of the
    lines, whatever branches there are.
    """
    found = []
    scopes: list[ast.AST] = [tree]
    for scope in scopes:
        nodes = list(_own_nodes(scope))
        scopes += [node for node in nodes if isinstance(node, _OTHER_SCOPES)]
        holds: dict[str, str] = {}
        for line, _, keyword, name in sorted(_bindings(nodes)) if isinstance(scope, _Function | ast.Module) else ():
            if keyword and holds.get(name, keyword) != keyword and name != "_":
                found.append(f"{line} {keyword} {name}")
            holds[name] = keyword
    return found


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function or module that are not inside another scope."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _OTHER_SCOPES):
            waiting += ast.iter_child_nodes(node)


def _block_targets(node: ast.AST) -> tuple[str, list[ast.expr]]:
    """Return the keyword of a block that binds names, and where it binds them; "" for anything else."""
    if isinstance(node, ast.For | ast.AsyncFor):
        return "for", [node.target]
    if isinstance(node, ast.With | ast.AsyncWith):
        return "with", [item.optional_vars for item in node.items if item.optional_vars]
    return "", []


def _bindings(nodes: list[ast.AST]) -> Iterator[tuple[int, int, str, str]]:
    """Yield what binds names, of the nodes of a scope: line, column, keyword ("" for anything but a block), name."""
    keywords: dict[ast.AST, str] = {}
    for node in nodes:
        keyword, targets = _block_targets(node)
        keywords |= {name: keyword for target in targets for name in ast.walk(target)}
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.col_offset, keywords.get(node, ""), node.id
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.lineno, node.col_offset, "except", node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.col_offset, "", node.arg
        elif isinstance(node, ast.alias):
            yield node.lineno, node.col_offset, "", (node.asname or node.name).split(".")[0]
        elif isinstance(node, _Function | ast.ClassDef):
            yield node.lineno, node.col_offset, "", node.name
