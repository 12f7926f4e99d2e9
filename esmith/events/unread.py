"""Which files no enabled service reads: what is wrong with them does not stop the settings of others."""

from __future__ import annotations

from esmith.errors import ServiceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.events.session import Session
    from esmith.plan.output import Output
    from esmith.services.definition import Services


class Unread:
    """Finds out why no enabled service reads an output.

    :param session: the run.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._services: Services | None = None

    def __call__(self, output: Output) -> str:
        """Return a clause such as ``dovecot is disabled``; "" when a service may read the output.

        A service is disabled when it has a record whose ``status`` is not ``enabled``, and is not started in any case.
        What no metadata names a service for may be read by any.
        """
        services = sorted(output.rendering.metadata.services or {})
        if not services or not all(map(self._is_disabled, services)):
            return ""
        return f"{' and '.join(services)} {'is' if len(services) == 1 else 'are'} disabled"

    def _is_disabled(self, name: str) -> bool:
        from esmith.services.definition import Services

        try:
            self._services = self._services or Services(self._session.layout)
            service = self._services.of(name)
        except ServiceError:
            # What is wrong with its definition is reported where it is adjusted.
            return False
        with self._session.store.snapshot() as snapshot:
            record = snapshot.record("configuration", service.record)
        return record is not None and record.props.get("status") != "enabled" and service.start != "always"
