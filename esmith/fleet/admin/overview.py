"""``esmith fleet status``: the servers of a fleet and of etcd, and what is wrong with them, each with its cure.

Names and texts that others wrote into etcd are data, of limited length and made printable by who reads them
(:mod:`esmith.fleet.agent.others`).
"""

from __future__ import annotations

import time
from collections import Counter

from esmith.errors import EsmithError, StoreError
from esmith.fields import dataclass, field
from esmith.fleet import place
from esmith.fleet.agent.others import read_statuses, status_of
from esmith.fleet.journal.certificates import DAY, ends_at
from esmith.fleet.journal.errors import RowError
from esmith.fleet.replica.asking import AgentAwayError, status
from esmith.fleet.surface.health import read_status
from esmith.names import counted
from esmith.printable import printable, shell_word, shown_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.fleet.admin.own import Own
    from esmith.fleet.etcd.client import Etcd
    from esmith.fleet.etcd.health import MemberHealth
    from esmith.fleet.journal.members import Members
    from esmith.layout import Layout

#: Seconds after which a server that does not report is named; it reports every half minute.
SILENCE = 150
#: Days before its end from which a certificate is named.
SOON = 14
#: The longest cure that an agent names, in characters.
_LONGEST = 1000


@dataclass
class Finding:
    """What is wrong.

    :param subject: a server, or an address of etcd.
    :param message: what is wrong with it.
    :param cure: what to do; "" where that is not known.
    :param is_elsewhere: whether that is to be done on another server.
    """

    subject: str
    message: str
    cure: str = ""
    is_elsewhere: bool = False


@dataclass
class Overview:
    """How a fleet is.

    :param own: this member.
    :param members: those of the journal in etcd; where that cannot be read, those that this server knows.
    :param hosts: what each server says about itself, by :func:`esmith.fleet.agent.others.read_statuses`; of one that
        has not reported only its name.
    :param etcd: the servers of etcd.
    :param revision: the last row of the journal in etcd; None when that is not known.
    :param away: why etcd does not answer; "" when it does.
    :param findings: what is wrong.
    """

    own: Own
    members: Members
    hosts: list[dict[str, Any]] = field(default_factory=list)
    etcd: list[MemberHealth] = field(default_factory=list)
    revision: int | None = None
    away: str = ""
    findings: list[Finding] = field(default_factory=list)


def overview_of(layout: Layout, own: Own, local: int) -> Overview:
    """Return how the fleet is; where etcd does not answer, as far as this server knows.

    :param local: how many settings of this server are to be pushed or dropped; its agent reports them later.
    """
    found = Overview(own, own.members)
    agent = _ask_agent(layout, found)
    try:
        with own.connect() as etcd:
            found.etcd = etcd.health()
            remote = own.remote(etcd)
            reported = read_statuses(remote.statuses())
            found.revision = remote.head().number
            _read_members(found, etcd)
    except EsmithError as error:
        found.away = error.message
        reported = _known_here(agent if agent is not None else read_status(layout))
        if not any(one.troubles for one in found.etcd):
            message = f"{error.place}: {error.message}" if error.place else error.message
            found.findings.append(Finding("etcd", message, error.hint))
    by_name = {one["host"]: one for one in reported}
    if own.host in by_name:
        by_name[own.host]["overrides"] = local
        if agent is not None:
            # Where another machine is this host, etcd has what that one says.
            own_word = status_of(own.host, agent)
            by_name[own.host] |= {name: own_word[name] for name in ("stopped", "error")}
            by_name[own.host]["cure"] = _hint_of(agent.get("stopped"))
    found.hosts = [by_name.get(name, {"host": name}) for name in found.members]
    _add_findings(found)
    found.findings += _ending(own)
    return found


def _ending(own: Own) -> list[Finding]:
    """Return whether the certificate that this server shows etcd has ended, or ends soon."""
    try:
        days = (ends_at(own.files.path(place.CERTIFICATE)) - time.time()) / DAY
    except EsmithError as error:
        return [Finding(own.host, error.message, error.hint)]
    if days > SOON:
        return []
    when = "has ended" if days < 0 else f"ends in {counted(int(days), 'day')}"
    host = shell_word(own.host)
    cure = f"on the first server: esmith fleet certificates --out DIR --client {host}"
    return [Finding(own.host, f"its certificate for etcd {when}", cure, is_elsewhere=True)]


def _read_members(found: Overview, etcd: Etcd) -> None:
    """Read on in the journal: this server need not have the last row."""
    journal = found.own.journal(etcd)
    try:
        journal.read_on()
    except RowError as error:
        found.findings.append(Finding("journal", error.message, error.hint))
    found.members = journal.chain.members


def _ask_agent(layout: Layout, found: Overview) -> dict[str, Any] | None:
    try:
        return status(layout.root)
    except AgentAwayError as error:
        service = "esmith control esmith-fleet start" if layout.is_machine else "esmith fleet agent"
        found.findings.append(Finding(found.own.host, error.message, f"start it: {service}"))
    except StoreError as error:
        found.findings.append(Finding(found.own.host, error.message, error.hint))
    return None


def _known_here(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what this server knows of all, from what its agent says."""
    others = data.get("hosts")
    found = [
        status_of(str(one.get("host")), one)
        for one in (others if isinstance(others, list) else [])
        if isinstance(one, dict) and one.get("host") != data.get("host")
    ]
    if data.get("host"):
        found.append(status_of(str(data["host"]), data))
    return found


def _add_findings(found: Overview) -> None:
    for member in found.etcd:
        found.findings += [Finding(member.endpoint, one.message, one.cure) for one in member.troubles]
    known = [host for host in found.hosts if host.get("revision") is not None]
    # Its own word about itself counts only where the journal cannot be asked.
    newest = found.revision or max((host["revision"] for host in known), default=0)
    usual = _most_common(host["digest"] for host in known if host["revision"] == newest)
    version = _most_common(host["program"] for host in known)
    if found.own.host not in found.members:
        message = "is not in the fleet any more; its settings stay"
        found.findings.append(Finding(found.own.host, message, "to have them as its own: esmith fleet leave"))
        # It may read nothing of the others any more, so it knows nothing of them.
        return
    for name, revision in found.own.left_out.items():
        known_as = found.members.get(name)
        if known_as is not None and known_as.joined <= revision:
            message = f"its row {revision} brings more databases than a fleet may have, so all servers left it out"
            cure = f"no command does that; on the first server: esmith fleet remove {shell_word(name)}"
            found.findings.append(Finding(name, message, cure, is_elsewhere=True))
    for host in found.hosts:
        rows = _findings_of(found, host, newest, usual, version)
        for row in rows:
            row.is_elsewhere = host["host"] != found.own.host
        found.findings += rows


def _hint_of(stopped: object) -> str:
    """Return the cure that the agent of this server names for why it has stopped."""
    hint = stopped.get("hint") if isinstance(stopped, dict) else ""
    return printable(hint, keep="\n")[:_LONGEST] if isinstance(hint, str) else ""


def _most_common(values: Any) -> str:
    counts = Counter(value for value in values if value)
    return max(counts, key=lambda value: (counts[value], value)) if counts else ""


def _findings_of(found: Overview, host: dict[str, Any], newest: int, usual: str, version: str) -> list[Finding]:
    """Return what is wrong with a server."""
    name = host["host"]
    on = "" if name == found.own.host else f"on {name}: "
    if host.get("revision") is None:
        return [Finding(name, "has not reported yet", f"{on}start its agent: esmith fleet agent")]
    rows = []
    if host["stopped"]:
        cure = host.get("cure") or f"{on}esmith fleet resync --dry-run"
        rows.append(Finding(name, f"applies no more changes: {host['stopped']}", cure))
    elif host["error"] and not found.away:
        rows.append(Finding(name, host["error"], "its agent tries again by itself, each half minute at least"))
    silent = time.time() - (host["time"] or 0)
    if silent > SILENCE and not found.away:
        since = shown_time(host["time"] or 0)
        rows.append(Finding(name, f"has not reported since {since}", f"{on}is it up, and its service esmith-fleet?"))
    elif host["revision"] < newest and not host["stopped"] and not found.away and silent > SILENCE / 10:
        # The command that shows this is no cure of it.
        cure = f"{on}esmith fleet status" if on else "its agent takes the rest by itself, within half a minute"
        rows.append(Finding(name, f"has revision {host['revision']} of {newest}", cure))
    if host["revision"] == newest and usual and host["digest"] and host["digest"] != usual:
        message = "has other shared settings than the others at the same revision"
        rows.append(Finding(name, message, f"{on}esmith fleet resync --dry-run"))
    if version and host["program"] and host["program"] != version:
        rows.append(
            Finding(
                name, f"has version {host['program']} of e-smith, others {version}", f"upgrade {name}, or the others"
            )
        )
    if host["doubled"]:
        cure = "on the one that has stopped, by its own 'esmith fleet status': esmith fleet leave --here"
        rows.append(Finding(name, "runs on two machines; the one that was first goes on", cure))
    if host["overrides"]:
        message = f"{counted(host['overrides'], 'setting')} set for it alone while etcd was away"
        rows.append(Finding(name, message, f"{on}to give them to all: esmith fleet push"))
    return rows


def age_of(seconds: int | None, now: float) -> str:
    """Return how long ago something was, for people."""
    if not seconds:
        return "never"
    past = max(0, int(now - seconds))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if past >= size:
            return f"{past // size} {unit}"
    return f"{past} s"
