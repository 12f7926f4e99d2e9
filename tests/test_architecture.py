"""How the code is built: who may import whom, who starts processes, how long things are, what is documented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.events.stamp_lines import NO_PART
from tests.sources import ROOT, Written, read

ENGINE = ROOT / "esmith"
TESTS = ROOT / "tests"
#: Python that is shipped beside the files it belongs to.
CONTENT = (ROOT / "checks", ROOT / "commands")

#: A package may import those in the rows below its own (docs/architecture.md#the-packages). Within one row only what
#: is listed here.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("manager",),
    ("status",),
    ("watch", "contrib", "explain", "overrides", "doctor", "proxy", "logs", "prompt"),
    ("events", "backup"),
    ("setup",),
    ("accounts",),
    ("apply", "services"),
    ("checks",),
    ("plan",),
    ("fragments", "repeating"),
    ("perl", "panels", "fleet"),
    ("schema", "store"),
    ("shipped",),
    ("layout",),
    ("disk", "editor", "local_sockets", "patterns", "private", "private_files"),
    ("trust", "directories", "environment"),
    ("ownership", "matches"),
    ("tables", "temporary", "libraries"),
    (
        "digests",
        "enums",
        "errors",
        "expressions",
        "fields",
        "looks",
        "names",
        "printable",
        "processes",
        "quick_json",
        "signals",
    ),
    ("contexts", "functions"),
)
WITHIN_A_LAYER = {("schema", "store"), ("backup", "events")}
#: The version is a constant of the package itself, which anybody may read.
ANYWHERE = {"__version__"}

#: Where starting processes is the job.
STARTS_PROCESSES = (
    "services/",
    "setup/machine/",
    "accounts/machine.py",
    "events/actions.py",
    "events/confirm.py",
    "checks/views.py",
    "checks/process.py",
    "checks/scripts.py",
    "editor.py",
    "fragments/perl/",
    "patterns/perl.py",
    "fragments/programs.py",
    "logs/following.py",
    "backup/encryption.py",
    "manager/serving.py",
    "manager/helper/children.py",
    "manager/helper/process.py",
    "fleet/agent/",
)
#: Where asyncio is there to serve connections; its functions that start processes are forbidden here, too.
SERVES = ("proxy/", "manager/")
_STARTING_MODULES = {"subprocess", "multiprocessing", "pty", "asyncio"}

MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 60


def _sources(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _package(path: Path) -> str:
    return path.relative_to(ENGINE).parts[0].removesuffix(".py")


def _may_import(importer: str, imported: str) -> bool:
    if importer == imported or imported in ANYWHERE or (importer, imported) in WITHIN_A_LAYER:
        return True
    ranks = {name: rank for rank, names in enumerate(LAYERS) for name in names}
    return ranks[importer] < ranks[imported]


def test_imports_go_one_way() -> None:
    """cli imports events, events apply and services, these fragments, and so on down to errors; never upwards."""
    wrong = []
    for path in _sources(ENGINE):
        if path == ENGINE / "__init__.py":
            continue
        for line, module in read(path).imports:
            parts = module.split(".")
            if parts[0] == "esmith" and not _may_import(_package(path), parts[1]):
                wrong.append(f"{_name(path)}:{line} imports {module}")
    assert wrong == []


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imported_modules() -> dict[str, set[str]]:
    """Return which modules of the engine each one imports, for types and inside functions too."""
    modules = {_module(path): path for path in _sources(ENGINE)}
    found: dict[str, set[str]] = {}
    for module, path in modules.items():
        names = {name for _, name in read(path).imports}
        # A name may be that of a module, or of something in one.
        found[module] = {name if name in modules else name.rpartition(".")[0] for name in names} & modules.keys()
        found[module].discard(module)
    return found


def _circles(imported: dict[str, set[str]]) -> list[str]:
    """Return those that import one another in a circle, directly or through others."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for name in imported[waiting.pop()] - seen:
                seen.add(name)
                waiting.append(name)
        return seen

    return sorted(name for name in imported if name in reached(name))


def test_no_modules_import_each_other() -> None:
    """No modules import each other in a circle, not even for their types or inside a function."""
    assert _circles(_imported_modules()) == []


def test_what_events_have_no_use_for() -> None:
    """A stamp of an event leaves out packages that an event cannot reach by its imports."""
    imported = _imported_modules()
    reached: set[str] = set()
    waiting = ["esmith.events.signal", "esmith.events.expand", "esmith.events.stamping"]
    while waiting:
        for name in imported[waiting.pop()] - reached:
            reached.add(name)
            waiting.append(name)
    packages = {"/".join(name.split(".")[1:length]) for name in reached for length in (2, 3) if "." in name}
    assert {"events", "fragments", "store", "setup/trees"} <= packages
    assert packages & NO_PART == set()
    assert all((ENGINE / name).is_dir() for name in NO_PART)


def test_no_packages_import_each_other() -> None:
    """No packages of the first level import each other in a circle, either."""
    packages: dict[str, set[str]] = {}
    for module, others in _imported_modules().items():
        # The package itself holds only the version.
        names = [(name.split(".") + [""])[1] for name in (module, *others)]
        packages.setdefault(names[0], set()).update(name for name in names[1:] if name not in ("", names[0]))
    assert len(packages) > 10
    assert _circles(packages) == []


@pytest.mark.parametrize(
    ("imported", "circle"),
    [
        ({"a": {"b"}, "b": {"a"}, "c": {"a"}}, ["a", "b"]),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, ["b", "c"]),
        ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, []),
    ],
    ids=["two", "behind another", "none"],
)
def test_circles_are_found(imported: dict[str, set[str]], circle: list[str]) -> None:
    """A circle is found wherever the walk begins, and something that is imported twice is none."""
    assert _circles(imported) == circle


def test_every_package_has_its_place() -> None:
    """A new package or module of the top level is put into the order of imports, and none is listed that is gone."""
    there = {_package(path) for path in _sources(ENGINE)} - {"__init__"}
    listed = {name for names in LAYERS for name in names}
    assert there == listed


def test_only_the_command_line_knows_click() -> None:
    """The packages below cli are for Python callers, and import no click."""
    wrong = [
        f"{_name(path)}:{line}"
        for path in _sources(ENGINE)
        if _package(path) not in ("cli", "__main__")
        for line, module in read(path).imports
        if module.split(".")[0] == "click"
    ]
    assert wrong == []


def test_only_the_store_knows_lmdb() -> None:
    """Nothing outside the store knows which database engine is behind it."""
    wrong = [
        f"{_name(path)}:{line}"
        for path in _sources(ENGINE)
        if _package(path) != "store"
        for line, module in read(path).imports
        if module.split(".")[0] == "lmdb" or module.startswith("esmith.store.lmdb")
    ]
    assert wrong == []


def test_processes_are_started_where_that_is_the_job() -> None:
    """Only services, actions, checks and the Perl engine start processes."""
    wrong = []
    for path in _sources(ENGINE):
        inside = str(path.relative_to(ENGINE))
        if inside.startswith(STARTS_PROCESSES):
            continue
        forbidden = _STARTING_MODULES - ({"asyncio"} if inside.startswith(SERVES) else set())
        wrong += [f"{_name(path)}:{line}" for line, name in read(path).imports if name.split(".")[0] in forbidden]
        wrong += [f"{_name(path)}:{line}" for line in read(path).starts]
    assert wrong == []


@pytest.mark.parametrize("folder", [ENGINE, TESTS, *CONTENT], ids=lambda folder: folder.name)
def test_files_are_short(folder: Path) -> None:
    """No file is longer than a reader takes in."""
    lengths = {_name(path): read(path).lines for path in _sources(folder)}
    assert {name: length for name, length in lengths.items() if length > MAX_FILE_LINES} == {}


@pytest.mark.parametrize("folder", [ENGINE, TESTS, *CONTENT], ids=lambda folder: folder.name)
def test_functions_are_short(folder: Path) -> None:
    """No function is longer than a screen."""
    long = [
        f"{_name(path)}:{function.line} {function.name}"
        for path in _sources(folder)
        for function in read(path).functions
        if function.lines > MAX_FUNCTION_LINES
    ]
    assert long == []


@pytest.mark.parametrize("folder", [ENGINE, TESTS, *CONTENT], ids=lambda folder: folder.name)
def test_everything_public_is_documented(folder: Path) -> None:
    """Every module and every public class, method and function has a docstring."""
    silent = [f"{_name(path)}:{place}" for path in _sources(folder) for place in read(path).silent]
    assert silent == []


def _tests() -> Iterator[tuple[str, Written]]:
    for path in _sources(TESTS):
        if path.name.startswith("test_"):
            for function in read(path).functions:
                if function.name.startswith("test_"):
                    yield f"{_name(path)}:{function.line} {function.name}", function


def test_every_test_states_a_behaviour() -> None:
    """Every test has a docstring whose first line is a sentence of its own."""
    docs = {name: function.doc.split("\n\n")[0] for name, function in _tests()}
    assert len(docs) > 100
    assert [name for name, doc in docs.items() if not doc.endswith(".") or "\n" in doc] == []


def test_no_error_is_swallowed() -> None:
    """Nobody catches whatever comes: an error nobody thought of has to be seen."""
    wrong = [f"{_name(path)}:{line}" for path in _sources(ENGINE, TESTS, *CONTENT) for line in read(path).swallows]
    assert wrong == []


def test_no_shell_strings() -> None:
    """Programs are started by lists of words: no value is ever read by a shell."""
    wrong = [f"{_name(path)}:{line}" for path in _sources(ENGINE, TESTS, *CONTENT) for line in read(path).shells]
    assert wrong == []


def test_no_loop_takes_over_a_name() -> None:
    """A loop, a handler or "with" does not bind a name that holds something else: later code reads the wrong value."""
    wrong = [
        f"{_name(path)}:{place}" for path in _sources(ENGINE, TESTS, ROOT / "bench") for place in read(path).taken_over
    ]
    assert wrong == []


@pytest.mark.parametrize("path", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]), ids=lambda path: path.name)
def test_no_conflict_of_a_merge_is_left(path: Path) -> None:
    """No document has the lines that git writes where two versions differ."""
    marks = ("<" * 7 + " ", ">" * 7 + " ")
    assert [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith(marks)] == []
