"""The last lines that a service wrote, for the messages of the steps and of the trial of mail."""

from __future__ import annotations

from esmith.layout import Layout
from esmith.services.definition import Services
from esmith.services.find import find_supervisor
from esmith.services.logs import last_lines


def last_words(layout: Layout, service: str, *, since: float = 0.0) -> list[str]:
    """Return the last lines of a service's log, each after its name; none where nothing supervises it.

    :param service: its name.
    :param since: lines of before this time are left out, in seconds since 1970.
    """
    supervisor = find_supervisor(layout, service)
    if supervisor is None:
        return []
    lines = last_lines(layout, Services(layout).of(service), supervisor.name, since=since)
    return [f"{service}: {line}" for line in lines]
