"""Fixtures: a root whose events are signalled in this process."""

from __future__ import annotations

from tests.events.conftest import scene
from tests.perl.conftest import _zoo, script

__all__ = ["_zoo", "scene", "script"]
