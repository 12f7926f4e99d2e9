"""What the tests of ``esmith doctor`` share: a root that counts as the machine, and a name server of their own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from esmith.doctor.case import Case
from esmith.doctor.examine import Examination, chosen_checks, examine
from esmith.doctor.finding import OK, Finding
from esmith.layout import Layout
from esmith.services.definition import Services
from esmith.services.service import Service
from esmith.store import open_store
from tests.commands import Root

#: The present of the tests that look how old something is.
NOW = 1_800_000_000.0
#: The entries of a name server: the answers to name and type, as zone files have them.
Zone = dict[tuple[str, str], list[str]]


class MachineLayout(Layout):
    """A root folder that counts as the machine itself, for what is looked at only there."""

    __slots__ = ()

    @property
    def is_machine(self) -> bool:
        """Say so."""
        return True


def make_case(
    root: Root,
    *,
    machine: bool = False,
    states: Mapping[str, Mapping[str, Any]] | None = None,
    resolver: str = "",
    now: float | None = None,
) -> Case:
    """Return what is examined of a root.

    :param machine: whether it counts as the machine itself.
    :param states: what ``esmith services`` shows.
    """
    layout = (MachineLayout if machine else Layout)(str(root.path))
    with open_store(Layout(str(root.path))).snapshot() as snapshot:
        return Case(layout, snapshot, states=lambda: states or {}, resolver=resolver, now=now)


def examined(case: Case, *areas: str) -> Examination:
    """Return what the checks of areas find."""
    return examine(case, chosen_checks(areas))


def bad(case: Case, *areas: str) -> list[Finding]:
    """Return what is not well in some areas."""
    return [finding for _, finding in examined(case, *areas).findings() if finding.severity != OK]


def shown(findings: Iterable[Finding]) -> list[str]:
    """Return findings as texts: severity and what was found."""
    return [f"{finding.severity}: {finding.what}" for finding in findings]


def case_of(root: Root, *services: Service, states: dict[str, dict[str, object]] | None = None) -> Case:
    """Return a case in which only these services are to run."""
    case = make_case(root, machine=True, states=states, now=NOW)
    case.__dict__["services"] = case.__dict__["running"] = list(services)
    return case


def defined(root: Root, name: str, text: str) -> Service:
    """Define a service, and return it."""
    root.write(f"/etc/e-smith/services/{name}/service.toml", text)
    return Services(Layout(str(root.path))).of(name)


def found_in(case: Case, area: str) -> list[str]:
    """Return what is not well in an area, as texts."""
    return shown(bad(case, area))


@contextmanager
def name_server(zone: Zone, *, silent: Iterable[str] = ()) -> Iterator[str]:
    """Run a name server on a free port, and yield its address; it knows only the names of a zone.

    :param zone: may be changed meanwhile.
    :param silent: the names about which it answers nothing.
    """
    mute = frozenset(silent)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve, args=(server, zone, mute), daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.sendto(b"", server.getsockname())
        thread.join(60)


def _serve(server: socket.socket, zone: Zone, mute: frozenset[str]) -> None:
    while True:
        wire, client = server.recvfrom(4096)
        if not wire:
            return
        question = dns.message.from_wire(wire)
        asked = question.question[0]
        name, kind = asked.name.to_text().rstrip(".").lower(), dns.rdatatype.to_text(asked.rdtype)
        if name in mute:
            continue
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        texts = ["a.root-servers.test."] if (name, kind) == ("", "NS") else zone.get((name, kind), [])
        if texts:
            answer.answer.append(dns.rrset.from_text(asked.name, 60, dns.rdataclass.IN, asked.rdtype, *texts))
        elif not any(known == name for known, _ in zone) and name:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        server.sendto(answer.to_wire(), client)
