"""What the rules about the code look at in a file of Python: its syntax tree is built and walked once for all of them.

Only what the rules need is kept. The trees of a thousand files would be millions of objects, and the garbage collector
would look at them again and again.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.taken_over import taken_over, walk

ROOT = Path(__file__).parent.parent
Function = ast.FunctionDef | ast.AsyncFunctionDef
#: As tuples: to ask for one of a union takes far longer, and there are a million nodes.
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_IMPORTS = (ast.Import, ast.ImportFrom)
_MAY_START = (ast.Attribute, ast.ImportFrom)
_STARTERS = ("exec", "spawn", "posix_spawn", "fork", "popen", "system", "startfile")
_SHELLS = ("system", "popen", "getoutput")


class Written(NamedTuple):
    """A function of a file.

    :param line: where it begins.
    :param name: its name.
    :param lines: how many lines it has.
    :param doc: its docstring, "" where it has none.
    """

    line: int
    name: str
    lines: int
    doc: str


class Source(NamedTuple):
    """What is in a file of Python. Every number is that of a line.

    :param lines: how many lines the file has.
    :param imports: every module it imports, wherever in the file, and names imported from it too.
    :param starts: where it uses something that starts a process.
    :param functions: its functions and methods, those inside of others too.
    :param silent: what is public and has no docstring: "" for the module itself, otherwise line and name.
    :param swallows: where it catches whatever comes.
    :param shells: where a string is read by a shell.
    :param taken_over: names that a block takes over (tests/taken_over.py).
    """

    lines: int
    imports: list[tuple[int, str]]
    starts: list[int]
    functions: list[Written]
    silent: list[str]
    swallows: list[int]
    shells: list[int]
    taken_over: list[str]


@cache
def read(path: Path, root: Path = ROOT) -> Source:
    """Return what is in a file of Python below a root, by which relative imports are named."""
    text = path.read_text()
    tree = ast.parse(text, str(path))
    found = Source(len(text.splitlines()), [], [], [], list(_silent(tree)), [], [], taken_over(tree))
    here = [*path.relative_to(root).with_suffix("").parts]
    for node in walk(tree):
        if isinstance(node, _IMPORTS):
            found.imports.extend((node.lineno, name) for name in _imported(node, here))
        if isinstance(node, _FUNCTIONS):
            lines = (node.end_lineno or 0) - node.lineno + 1
            found.functions.append(Written(node.lineno, node.name, lines, ast.get_docstring(node) or ""))
        elif isinstance(node, _MAY_START) and _starts_process(node):
            found.starts.append(node.lineno)
        elif isinstance(node, ast.ExceptHandler) and _catches_everything(node):
            found.swallows.append(node.lineno)
        elif isinstance(node, ast.Call) and _is_read_by_a_shell(node):
            found.shells.append(node.lineno)
    return found


def _imported(node: ast.Import | ast.ImportFrom, here: list[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    else:
        start = here[: -node.level] if node.level else []
        module = ".".join([*start, *([node.module] if node.module else [])])
        yield from (f"{module}.{alias.name}" for alias in node.names)


def _starts_process(node: ast.Attribute | ast.ImportFrom) -> bool:
    if isinstance(node, ast.Attribute) and "subprocess" in node.attr:
        return True
    if isinstance(node, ast.ImportFrom):
        return node.module == "os" and any(alias.name.startswith(_STARTERS) for alias in node.names)
    return isinstance(node.value, ast.Name) and node.value.id == "os" and node.attr.startswith(_STARTERS)


def _silent(tree: ast.Module) -> Iterator[str]:
    if ast.get_docstring(tree) is None:
        yield ""
    for node in _public(tree.body):
        if ast.get_docstring(node) is None:
            yield f"{node.lineno} {node.name}"


def _public(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """Yield the public classes and functions of a module, and the public methods of its classes."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body)


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {name.id for name in caught if isinstance(name, ast.Name)}
    return handler.type is None or bool(names & {"Exception", "BaseException"})


def _is_read_by_a_shell(call: ast.Call) -> bool:
    shell = any(
        word.arg == "shell" and not (isinstance(word.value, ast.Constant) and word.value.value is False)
        for word in call.keywords
    )
    return shell or (isinstance(call.func, ast.Attribute) and call.func.attr in _SHELLS)
