"""Shipped files that were edited in their place, instead of an override: the next ``esmith init`` replaces them."""

from __future__ import annotations

import os

from esmith.digests import sha256
from esmith.errors import EsmithError
from esmith.overrides.merge import count_differences
from esmith.overrides.model import EDITED, REPLACES, Override
from esmith.overrides.places import CONFIGURATION, CUSTOM, Places
from esmith.setup.bases import Base
from esmith.setup.product_files import content_of
from esmith.setup.trees import shipped_directory
from esmith.shipped import digests_in, shipped_list

_TREES = (*CUSTOM.values(), "templates-default", "events", "db", "checks")


def find_edited(places: Places) -> list[Override]:
    """Return the shipped files below ``/etc/e-smith`` that hold something else than was installed there, sorted.

    :raises InstallError: when one cannot be read.
    """
    layout = places.layout
    found = []
    for name, digest in sorted(digests_in(content_of(shipped_list(layout)) or b"").items()):
        if name.partition("/")[0] not in _TREES:
            continue
        text = content_of(places.disk_path(name))
        if text is None or sha256(text).hexdigest() == digest:
            continue
        installed = _text_of_program(name, digest)
        added, removed = count_differences(installed, text) if installed is not None else (0, 0)
        path = f"{CONFIGURATION}/{name}"
        base = Base(installed)
        found.append(Override(name, path, REPLACES, EDITED, _reason(name), added, removed, text, installed, base, path))
    return found


def _reason(name: str) -> str:
    layer, _, inner = name.partition("/")
    own = next((custom for custom, shipped in CUSTOM.items() if shipped == layer), "")
    cure = f"; move it to {CONFIGURATION}/{own}/{inner}" if own else ""
    return f"a shipped file that was edited: the next esmith init replaces it, and keeps a backup copy{cure}"


def _text_of_program(name: str, digest: str) -> bytes | None:
    """Return the shipped text that was edited, None where the program ships another one by now."""
    try:
        text = content_of(os.path.join(shipped_directory(), name)) or b""
    except EsmithError:
        return None
    return text if sha256(text).hexdigest() == digest else None
