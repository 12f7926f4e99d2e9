"""docs/perl.md names every module and every function that scripts may use."""

from __future__ import annotations

import re
from pathlib import Path

from esmith.perl.modules import perl_modules

DOCUMENT = Path(__file__).parents[2] / "docs/perl.md"
#: What scripts do not call themselves.
_INNER = {
    "esmith::backend",
    "esmith::absent",
    "esmith::cgi",
    "esmith::console",
    "esmith::ethernet",
    "esmith::DB",
    "esmith::DB::Record",
    "esmith::ConfigDB::Record",
}
_NOT_FOR_SCRIPTS = {"set_error", "open_local", "open_ro_local", "filename", "line", "fields", "new", "unescaped"}
#: Modules whose functions scripts do not call.
_SILENT = {"esmith::backend", "esmith::absent"}


def _functions(path: Path) -> set[str]:
    names = set(re.findall(r"^sub ([a-zA-Z]\w*)", path.read_text(), re.MULTILINE))
    return {name for name in names if not name.isupper() and not name.startswith("db_")} - _NOT_FOR_SCRIPTS


def test_every_module_and_function_is_named() -> None:
    """Whoever wonders whether a function of the original is there finds it in the table."""
    text = DOCUMENT.read_text()
    table = set(re.findall(r"`([\w:]+)`", text))
    library = Path(perl_modules())
    silent = []
    for path in sorted(library.rglob("*.pm")):
        module = str(path.relative_to(library)).removesuffix(".pm").replace("/", "::")
        if module not in _INNER and module not in table and not module.endswith("::UTF8"):
            silent.append(module)
        if module not in _SILENT:
            silent += [f"{module} {name}" for name in sorted(_functions(path)) if name not in table]
    assert silent == []
