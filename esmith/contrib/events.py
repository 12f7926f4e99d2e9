"""The events of a contrib: its actions, and what it has expanded and adjusted."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from esmith.contrib.fragments import missing_module
from esmith.contrib.place import Contrib
from esmith.errors import EsmithError, TemplateError
from esmith.events.definition import LIST, SERVICES, TEMPLATES, event_names, load_event
from esmith.events.derived import SUFFIX, read_derivation
from esmith.fragments.original import read_original
from esmith.fragments.perl.engine import PATH
from esmith.fragments.tree import TemplateTree
from esmith.layout import LAYERS
from esmith.services.actions import check_action
from esmith.setup.shipped import COMMANDS

if TYPE_CHECKING:
    from esmith.fragments.perl.engine import Perl

_BASE = "/etc/e-smith/events"
_USES = re.compile(r"^\s*(?:use|require)\s+((?:[A-Za-z_]\w*)(?:::\w+)+|[A-Z]\w*)\s*[;('q\s]", re.MULTILINE)
_CALLS = re.compile(r"(?<![\w/.])(/sbin/e-smith/[\w.-]+|/etc/(?:rc\.d/)?(?:init|rc\d+)\.d/[\w.*-]+|/service/[\w-]+)")


def check_events(contrib: Contrib, perl: Perl) -> None:
    """Look at every event and action."""
    named: set[str] = set()
    for path in contrib.files(_BASE):
        event, _, rest = path.removeprefix(f"{_BASE}/").partition("/")
        first, _, name = rest.partition("/")
        if not rest:
            contrib.note(path, "is not in the directory of an event, so nothing is done with it")
        elif first == TEMPLATES and name and name != LIST:
            named.add(f"/{name}")
            _check_marker(contrib, path, f"/{name}")
        elif first == SERVICES and name and name != LIST:
            _check_words(contrib, path)
        elif event == "actions" and first.endswith(SUFFIX):
            _check_declaration(contrib, path)
        elif first not in (TEMPLATES, SERVICES) and not name:
            _check_action(contrib, perl, path, of_event=event != "actions")
    _check_unnamed(contrib, named)


def _check_marker(contrib: Contrib, path: str, template: str) -> None:
    """Check that there is a template for what an event names."""
    layers = tuple(layout.layer(layer) for layout in (contrib.own, contrib.here) for layer in LAYERS)
    here = [read_original(layout, template).expressions for layout in (contrib.own, contrib.here)]
    if any(word in expressions for expressions in here for word in ("TEMPLATE_PATH", "TEMPLATE_EXPAND_QUEUE")):
        return
    try:
        TemplateTree(contrib.here, layers).find_for_key(template)
    except TemplateError:
        contrib.fails(path, f"names {template}, for which neither the contrib nor {contrib.here.root} has a template")


def _check_words(contrib: Contrib, path: str) -> None:
    place = contrib.own.under(path)
    if os.path.islink(place):
        words = [(0, os.readlink(place))]
    else:
        lines = contrib.read(path).decode("utf-8", "replace").splitlines()
        words = [(number, line.split()[0]) for number, line in enumerate(lines, 1) if line.strip()]
    for number, word in words:
        if word.startswith("#"):
            continue
        try:
            check_action(word)
        except EsmithError as error:
            contrib.fails(path, error.message, number)


def _check_action(contrib: Contrib, perl: Perl, path: str, *, of_event: bool) -> None:
    place = contrib.own.under(path)
    if os.path.islink(place):
        target = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(place)))
        if not contrib.exists(target):
            contrib.fails(path, f"leads to {target}, which neither the contrib nor {contrib.here.root} has")
        return
    if of_event and not os.access(place, os.X_OK):
        contrib.note(path, "is not executable, so it is no action as it is here")
    text = contrib.read(path).decode("utf-8", "replace")
    interpreter = _interpreter(text)
    if interpreter is None:
        contrib.note(path, "has no line #! at its beginning, so it cannot be looked into")
        return
    found = contrib.exists(interpreter) if interpreter.startswith("/") else shutil.which(interpreter, path=PATH)
    if not found:
        contrib.fails(path, f"needs {interpreter}, which is not installed", 1)
    if os.path.basename(interpreter).startswith("perl"):
        _check_modules(contrib, perl, path, text)
    _check_calls(contrib, path, text)


def _check_declaration(contrib: Contrib, path: str) -> None:
    """Check what is declared of an action (docs/events.md#what-actions-make-of-files)."""
    action = path.removesuffix(SUFFIX)
    if not contrib.exists(action):
        contrib.fails(path, f"is about {action}, which neither the contrib nor {contrib.here.root} has")
    try:
        read_derivation(contrib.own.under(path), os.path.basename(action))
    except EsmithError as error:
        contrib.fails(path, error.message)


def _check_calls(contrib: Contrib, path: str, text: str) -> None:
    """Name the programs a script calls by their paths and that are not there."""
    for number, line in enumerate(text.splitlines(), 1):
        for called in _CALLS.findall("" if line.lstrip().startswith("#") else line):
            if os.path.basename(called) not in COMMANDS and not contrib.exists(called):
                contrib.fails(path, f"names {called}, which neither the contrib nor this machine has", number)


def _interpreter(text: str) -> str | None:
    """Return the program that runs a script, for ``env`` its name; None when it does not say so."""
    first = text.partition("\n")[0]
    words = first[2:].split() if first.startswith("#!") else []
    if not words:
        return None
    if os.path.basename(words[0]) == "env":
        names = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        return names[0] if names else words[0]
    return words[0]


def _check_modules(contrib: Contrib, perl: Perl, path: str, text: str) -> None:
    """Name the Perl modules a script uses and perl does not find; the script is not run."""
    code = re.split(r"^__(?:END|DATA)__$", text, maxsplit=1, flags=re.MULTILINE)[0]
    lines = {match[1]: code.count("\n", 0, match.start(1)) + 1 for match in _USES.finditer(code)}
    if not lines:
        return
    search = (
        "join ' ', grep { my $name = $_; $name =~ s{::}{/}g; !grep { -e qq{$_/$name.pm} } @INC } split ' ', $MODULES"
    )
    missing = perl.evaluate(search, contrib.own.under(path), {"MODULES": " ".join(lines)}) or ""
    for module in missing.split():
        contrib.fails(path, missing_module(contrib, module), lines[module])


def _check_unnamed(contrib: Contrib, named: set[str]) -> None:
    """Note templates that are new here and that no event expands: upstream may have the rest of them."""
    tree = TemplateTree(contrib.here)
    for event in event_names(contrib.here):
        named.update(load_event(contrib.here, event, tree).templates)
    directories: dict[str, None] = {}
    for layer in LAYERS:
        base = f"/etc/e-smith/{layer}"
        for path in contrib.files(base):
            directories[os.path.dirname(path.removeprefix(base))] = None
    for directory in directories:
        inner = any(name == directory or os.path.dirname(name) == directory for name in named)
        place = contrib.here.under(f"/etc/e-smith/templates{directory}")
        if directory in ("/", "") or inner or os.path.exists(place) or _is_mentioned(contrib, directory):
            continue
        message = "is expanded by no event; if SME Server has fragments of it, they are not part of this"
        contrib.note(f"/etc/e-smith/templates{directory}", message)


def _is_mentioned(contrib: Contrib, template: str) -> bool:
    """Return whether a file of the contrib names a template, e.g. for processTemplate."""
    mentioned = template.encode()
    return any(mentioned in contrib.read(path) for path in contrib.files("/etc/e-smith") if contrib.is_file(path))
