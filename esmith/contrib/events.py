"""The events of a contrib: its actions, and what it has expanded and adjusted."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from esmith.contrib.place import Contrib
from esmith.contrib.scripts import check_script
from esmith.errors import EsmithError, TemplateError
from esmith.events.definition import ABOUT, LIST, SERVICES, TEMPLATES, event_names, load_event
from esmith.events.derived import SUFFIX, read_derivation
from esmith.fragments.original import read_original
from esmith.fragments.tree import TemplateTree
from esmith.layout import LAYERS
from esmith.services.actions import check_action
from esmith.setup.shipped import COMMANDS

if TYPE_CHECKING:
    from esmith.fragments.perl.engine import Perl

_BASE = "/etc/e-smith/events"
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
        elif first not in (TEMPLATES, SERVICES, ABOUT) and not name:
            _check_action(contrib, perl, path)
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


def _check_action(contrib: Contrib, perl: Perl, path: str) -> None:
    place = contrib.own.under(path)
    if os.path.islink(place):
        target = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(place)))
        if not contrib.exists(target):
            message = f"leads to {target}, which neither the contrib nor {contrib.here.root} has"
            contrib.fails(path, message, certain=False)
        return
    if not os.access(place, os.X_OK):
        contrib.note(path, "is not executable, so it is no action as it is here")
    check_script(contrib, perl, path)
    _check_calls(contrib, path, contrib.read(path).decode("utf-8", "replace"))


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
                message = f"names {called}, which neither the contrib nor this machine has"
                contrib.fails(path, message, number, certain=False)


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
