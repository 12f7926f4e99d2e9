"""``esmith control``: one service action, whatever the supervisor."""

from __future__ import annotations

import click

from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report
from esmith.cli.program import root_option
from esmith.errors import ServiceError
from esmith.layout import Layout
from esmith.services.actions import check_action
from esmith.services.definition import Services
from esmith.services.find import find_stand_in, find_supervisor
from esmith.services.model import ServiceStatus, StillEndingError, UnsupervisedError
from esmith.services.service import SERVICE_DIRECTORIES


@click.command("control")
@click.argument("service")
@click.argument("action")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@root_option
@click.pass_obj
def control_command(root: str | None, service: str, action: str, as_json: bool) -> int:
    """Carry out a service action, and show the state of the service.

    ACTION is one of those that services2adjust may hold, a letter of svc or sv, or status. The database is not asked,
    so a disabled service is started as well. Where there is no qmail, qmail is the queue that there is.

    \b
    Examples:
      esmith control clamd restart
      esmith control clamd status
    """
    layout = Layout.chosen(root)
    if action != "status":
        action = check_action(action)
    supervisor = find_supervisor(layout, service)
    if supervisor is None and (other := find_stand_in(layout, service)):
        supervisor = find_supervisor(layout, other)
        service = other if supervisor else service
    if supervisor is None:
        written = f"write its service directory: {SERVICE_DIRECTORIES}"
        known = service in Services(layout).names()
        raise ServiceError(
            "no supervisor knows it",
            place=f"service {service}",
            hint=written if known else "see which there are: esmith services",
        )
    if action != "status":
        try:
            supervisor.control(service, action)
        except StillEndingError as error:
            _show(service, supervisor.status(service), error.message, as_json=as_json)
            return 0
        except UnsupervisedError as error:
            # Nothing is left pending, as it is by an event.
            raise UnsupervisedError(
                f"not supervised, so there is nothing to {action}", place=error.place, hint=error.hint
            ) from error
    _show(service, supervisor.status(service), "", as_json=as_json)
    return 0


def _show(service: str, status: ServiceStatus, message: str, *, as_json: bool) -> None:
    if not as_json:
        print_report([f"service {service}: {message or f'is {status}'}"])
        return
    state = {"state": status.state.value, "pid": status.pid, "seconds": status.seconds}
    print_lines([json_text({"service": service, **state, "message": message})])
