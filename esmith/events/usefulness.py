"""Whether services are of use before an event installs its files and after it: only a change for the worse fails it.

A mail server without signatures, or one whose name server does not answer, is no fault of the files that an event
installs, and restoring the old ones would cure nothing. So what was of no use before the event is not asked after it.
The first questions are asked before the files are installed, since many are read for each connection.
"""

from __future__ import annotations

from esmith.errors import EsmithError
from esmith.names import fits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from esmith.layout import Layout
    from esmith.services.definition import Services
    from esmith.services.model import ServiceStatus, Supervisor
    from esmith.services.question import Question


class Usefulness:
    """What services answered before an event, and whether they still do.

    :param layout: the root.
    :param services: what is defined of them.
    """

    def __init__(self, layout: Layout, services: Services) -> None:
        self._layout = layout
        self._services = services
        self._answered: dict[str, list[Question]] = {}
        #: Those whose daemon ran; their run script must not wait afterwards.
        self._ran: set[str] = set()
        self._supervisors: dict[str, Supervisor] = {}
        #: The questions that were answered rightly again, each with its service.
        self._passed: set[tuple[str, str]] = set()

    def note(
        self,
        changed: Sequence[str],
        asked: Mapping[str, list[str]],
        find_supervisor: Callable[[str], Supervisor | None],
    ) -> None:
        """Ask the services that changed files may make useless; to be called before these are installed.

        :param changed: the paths of the files.
        :param asked: the services to adjust, each with its service actions.
        :param find_supervisor: returns the supervisor of a service.
        """
        for service in self._services.names() if changed else ():
            try:
                questions = [one for one in self._services.of(service).useful if _is_about(one, changed)]
                supervisor = find_supervisor(service) if questions or asked.get(service) else None
                status = supervisor.status(service) if supervisor else None
            except EsmithError:
                # It is reported where it is adjusted.
                continue
            if supervisor is not None and status is not None and status.running:
                self._supervisors[service] = supervisor
                self._note(service, status, questions)

    def _note(self, service: str, status: ServiceStatus, questions: Sequence[Question]) -> None:
        from esmith.services.useful import Asked, complaint_of, waiting_for

        asked = Asked(self._services.of(service), status, self._supervisors[service].name)
        if waiting_for(self._layout, asked) is None:
            self._ran.add(service)
            answered = [one for one in questions if not complaint_of(self._layout, asked, one)]
            if answered:
                self._answered[service] = answered

    @property
    def answered(self) -> dict[str, Supervisor]:
        """The services that have answered and are to be asked again, each with its supervisor."""
        return {service: self._supervisors[service] for service in self._answered}

    def complaint(self, service: str, status: ServiceStatus) -> tuple[str, bool]:
        """Return why a service is of no use that was of use before, and whether that is certain.

        A daemon may need a while until it answers; a run script that waits does so for a minute.

        :return: "" and False for one that is of use, was not before, or does not run.
        """
        from esmith.services.useful import Asked, complaint_of, waiting_for

        if service not in self._ran or not status.running:
            return "", False
        asked = Asked(self._services.of(service), status, self._supervisors[service].name)
        if (waits := waiting_for(self._layout, asked)) is not None:
            return f"{waits.means}: {waits.complaint}", True
        for question in self._answered.get(service, []):
            if (service, question.name) in self._passed:
                continue
            if text := complaint_of(self._layout, asked, question):
                return f"{question.means}: {text}", False
            self._passed.add((service, question.name))
        return "", False

    def forget(self) -> None:
        """Ask nothing any more: the old files were restored, and that has to do."""
        self._answered.clear()
        self._ran.clear()


def _is_about(question: Question, changed: Sequence[str]) -> bool:
    """Return whether one of some changed files may change the answer."""
    return any(fits(path, pattern) for pattern in question.in_events for path in changed)
