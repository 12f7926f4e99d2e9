"""Recording what each override was made from, whenever ``esmith init`` installs the shipped files.

Between two of its runs the shipped files stay as they are. So what is there just before new ones are installed is what
each override that came since was made from; nothing else has to look, and no other command takes longer for it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

from esmith.errors import TemplateError
from esmith.layout import LAYERS, Layout
from esmith.overrides.places import CUSTOM, counts
from esmith.overrides.search import Search, includes_change
from esmith.plan.host import DiskHost
from esmith.setup.bases import Base, Bases


def record_bases(layout: Layout, host: DiskHost, replaced: Iterable[str], version: str) -> None:
    """Record the bases of the overrides that have none yet, before the shipped files are replaced.

    Under a root without shipped files nothing is recorded: it is done by :func:`record_installed` then.

    :param replaced: the shipped files that are about to change or to go, as paths of this disk.
    :param version: the version of e-smith that installed what is there, "" where that is not known.
    :raises UntrustedError: when a layer is not in the hands of its owners alone.
    :raises TemplateError: when a shipped file cannot be read.
    :raises InstallError: when it cannot be written.
    """
    if not os.path.isdir(layout.layer(LAYERS[1])):
        return
    search = Search(layout)
    search.bases.version = search.bases.version or version
    _record(search)
    _remember_replaced(search, replaced)
    search.bases.write(host)


def record_installed(layout: Layout, host: DiskHost, version: str) -> None:
    """Record that the shipped files were installed, and the bases of overrides that were there before any.

    :param version: the version of e-smith that installed them.
    :raises InstallError: when it cannot be written.
    """
    search = Search(layout)
    if not search.bases.is_known:
        search.bases.version = version
        _record(search)
    search.bases.installed_at, search.bases.version = time.time(), version
    search.bases.write(host)


def record_base(layout: Layout, host: DiskHost, name: str, base: Base) -> None:
    """Record the base of one override that was just written.

    :param name: its path below ``/etc/e-smith``.
    :raises InstallError: when it cannot be written.
    """
    bases = Bases(layout)
    bases.record(name, base)
    bases.write(host)


def _record(search: Search) -> None:
    names = [name for name in search.names if counts(name)]
    search.bases.drop_all_but(set(names))
    for name in names:
        try:
            text = search.places.text_of(name)
        except TemplateError:
            # Nothing is installed the worse for that, and an event reports it.
            continue
        if text is None:
            continue
        shipped_path = search.places.shipped_path(name)
        shipped = search.places.shipped_text(shipped_path)
        base = search.base_of(name, text, shipped_path, shipped)
        known = base.text is not None and shipped is not None and base.text != shipped
        if known and includes_change(base.text or b"", shipped or b"", text):
            # An administrator merged it by hand: from now on that is what he knew.
            base = Base(shipped, version=search.bases.version)
        search.bases.record(name, base)


def _remember_replaced(search: Search, replaced: Iterable[str]) -> None:
    layout = search.places.layout
    layers = {f"{layout.under('/etc/e-smith')}/{layer}/": layer for layer in CUSTOM.values()}
    for path in replaced:
        for start, layer in layers.items():
            if path.startswith(start) and os.path.isfile(path):
                name = f"{layer}/{path.removeprefix(start)}"
                text = search.places.shipped_text(name)
                if text is not None:
                    search.bases.remember_earlier(name, text, search.bases.version)
