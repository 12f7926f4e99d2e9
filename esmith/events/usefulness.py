"""Whether services that an event adjusts are of use before and after it: only a change for the worse is a failure.

A mail server without signatures, or one whose name server does not answer, is no fault of the files that an event
installs, and restoring the old ones would cure nothing. So what was of no use before the event is not asked after it.
"""

from __future__ import annotations

from esmith.layout import Layout
from esmith.services.definition import Services
from esmith.services.model import ServiceStatus, Supervisor
from esmith.services.question import Question
from esmith.services.useful import Asked, complaint_of


class Usefulness:
    """What services answered before they were adjusted.

    :param layout: the root.
    :param services: what is defined of them.
    """

    def __init__(self, layout: Layout, services: Services) -> None:
        self._layout = layout
        self._services = services
        self._answered: dict[str, list[Question]] = {}
        self._supervisors: dict[str, str] = {}

    def note(self, service: str, supervisor: Supervisor, status: ServiceStatus) -> None:
        """Ask a service that is about to be adjusted, unless it was asked in this event already."""
        if service in self._answered:
            return
        questions = [question for question in self._services.of(service).useful if question.in_events]
        self._supervisors[service] = supervisor.name
        if not status.running:
            questions = []
        asked = Asked(self._services.of(service), status, supervisor.name)
        self._answered[service] = [one for one in questions if not complaint_of(self._layout, asked, one)]

    def complaint(self, service: str, status: ServiceStatus) -> str:
        """Return why a service is of no use that was of use before; "" otherwise."""
        asked = Asked(self._services.of(service), status, self._supervisors.get(service, ""))
        for question in self._answered.get(service, []):
            if text := complaint_of(self._layout, asked, question):
                return f"{question.means}: {text}"
        return ""

    def forget(self) -> None:
        """Ask nothing any more: the old files were restored, and that has to do."""
        self._answered = dict.fromkeys(self._answered, [])
