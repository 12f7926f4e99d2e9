"""What an administrator has of his own over the shipped files, and what became of these since (docs/overrides.md).

:func:`find` says it, without the store and without writing anything.
"""

from __future__ import annotations

from esmith.overrides.model import Override
from esmith.overrides.search import find

__all__ = ["Override", "find"]
