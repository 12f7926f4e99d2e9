"""Ports: whether our services listen where they should, and whether somebody else does."""

from __future__ import annotations

from collections.abc import Iterator

from esmith.doctor.case import Case
from esmith.doctor.finding import FOLDER, Checking, Finding, failing, ok, skipped
from esmith.names import counted
from esmith.services.holders import listening_ports
from esmith.services.useful import ports_of


def check_listening(case: Case) -> Iterator[Finding]:
    """Compare the ports at which services are to answer with those at which somebody listens."""
    if not case.layout.is_machine:
        yield skipped("ports", FOLDER)
        return
    states = case.states()
    wanted: dict[int, str] = {}
    for service in case.running:
        # A service that is down is expected to be silent.
        if states.get(service.name, {}).get("state", "").startswith("up "):
            wanted |= dict.fromkeys(ports_of(case.layout, service), service.name)
    silent = sorted(wanted.keys() - listening_ports(wanted))
    for port in silent:
        yield failing(
            f"nobody listens at port {port}, where {wanted[port]} is to answer",
            "clients get no connection, though the service is up",
            f"esmith control {wanted[port]} restart",
            f"tail /var/log/{wanted[port]}/current",
        )
    if not silent:
        yield ok(f"{counted(len(wanted), 'port')}: {', '.join(map(str, sorted(wanted))) or 'none'}")


def check_strangers(case: Case) -> Iterator[Finding]:
    """Look for processes that listen at ports of ours."""
    if not case.layout.is_machine:
        return
    if not case.is_root:
        yield skipped("who listens at our ports", "only root sees the processes of other users")
        return
    for data in case.states().values():
        for holder in data.get("holders", []):
            why = "our service cannot have the port, and clients talk to something else"
            yield failing(holder["found"], why, *holder["commands"])


CHECKS: dict[str, Checking] = {"ports": check_listening, "who listens at our ports": check_strangers}
