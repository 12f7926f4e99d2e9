"""What verbs need and load when they need it: in the helper it is loaded once, before the first process of a verb."""

from __future__ import annotations

from importlib import import_module

from esmith.store import load_engine

#: The modules that a form or a preview would load each time, besides those that are loaded with the verbs.
MODULES = (
    "esmith.fragments.compiled",
    "esmith.fragments.engine",
    "esmith.fragments.expansion",
    "esmith.fragments.helpers",
    "esmith.fragments.listings",
    "esmith.fragments.notes",
    "esmith.fragments.programs",
    "esmith.fragments.quick",
    "esmith.fragments.quick_filters",
    "esmith.fragments.records",
    "esmith.fragments.runner",
    "esmith.matches",
    "esmith.patterns.clients",
    "esmith.patterns.lists",
    "esmith.schema.addresses",
    "esmith.schema.parse",
    "esmith.services.supervised",
)


def load_modules() -> None:
    """Load them; nothing is opened, and nothing of a root is read."""
    load_engine()
    for name in MODULES:
        import_module(name)
