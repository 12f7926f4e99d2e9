"""Backups: one file with the settings, the journal and what else cannot be made again, and restoring it.

What is in it is in docs/backup.md. A *backup* is such a file; a copy of a single file that the engine replaces is a
*backup copy* (:mod:`esmith.apply.backup`).
"""

from __future__ import annotations

from esmith.backup.last import LastBackup, last

__all__ = ["LastBackup", "last"]
