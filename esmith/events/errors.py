"""The error that only events have."""

from __future__ import annotations

from esmith.errors import EsmithError, ExitCode


class ActionError(EsmithError):
    """An action of an event failed."""

    exit_code = ExitCode.ACTION
