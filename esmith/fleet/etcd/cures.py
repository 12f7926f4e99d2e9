"""What is wrong with etcd, in words, with the cure in words and as commands."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from esmith.fleet.etcd.wire import endpoint_of

#: Where a member's host has etcd's certificates is not known here; etcdctl reads these from its environment.
_SET = "export ETCDCTL_API=3"
_RENEW = "make a new one on the first server of the fleet, and put it where /etc/default/etcd has it on that of etcd"


class Trouble(NamedTuple):
    """Something that is wrong.

    :param kind: one word: ``down``, ``certificate``, ``clock``, ``no-leader``, ``full``, ``corrupt``.
    :param message: what is wrong.
    :param cure: what to do, in words.
    :param commands: what to type.
    """

    kind: str
    message: str
    cure: str
    commands: Sequence[str] = ()


def etcdctl(endpoints: Sequence[str], *words: str) -> str:
    """Return a command of etcdctl for these endpoints."""
    return shlex.join(["etcdctl", f"--endpoints={','.join(endpoints)}", *words])


def _certificates(endpoint: str) -> str:
    host = endpoint_of(endpoint).host
    # An IPv6 address can be no name.
    name = "etcd" if ":" in host else host
    return shlex.join(["esmith", "fleet", "certificates", "--out", "/root/renewed", f"{name}={host}"])


def down(endpoint: str, reason: str) -> Trouble:
    """Return the trouble of a member that does not answer."""
    if "not accepted here" in reason and "expired" in reason:
        return Trouble(
            "certificate",
            "the certificate of etcd there has expired",
            f"{_RENEW}. A wrong clock of this host looks the same",
            [_certificates(endpoint), "systemctl restart etcd", "timedatectl"],
        )
    if "not accepted here" in reason:
        return Trouble(
            "certificate",
            f"etcd there shows another certificate than is expected: {reason}",
            f"its certificate must name this address, and the authority of the fleet must have signed it: {_RENEW}",
            [_certificates(endpoint), "systemctl restart etcd", "timedatectl"],
        )
    if "certificate of this host" in reason:
        return Trouble(
            "certificate",
            f"etcd there does not take the certificate of this host: {reason}",
            "it has expired, another authority signed it, or it has a common name: look, and make a new one on the"
            " first server of the fleet with --client",
            ["openssl x509 -noout -subject -dates -in /home/e-smith/fleet/host.pem", "timedatectl"],
        )
    host = endpoint_of(endpoint).host
    return Trouble(
        "down",
        f"etcd there does not answer: {reason}",
        f"look on {host} whether etcd runs. It ends by itself when its disk is full: make room, then start it. When it"
        " runs, the network or a firewall is between",
        ["systemctl status etcd", "journalctl -u etcd -n 50", "df -h /var/lib/etcd", "systemctl start etcd"],
    )


def no_leader(down_endpoints: Sequence[str]) -> Trouble:
    """Return the trouble of a member that knows no leader: too many members are away."""
    away = f"; away are: {', '.join(down_endpoints)}" if down_endpoints else ""
    return Trouble(
        "no-leader",
        f"no quorum: too few of etcd's members reach one another, so nothing shared can be changed{away}",
        "start etcd on the hosts that are away, or repair the network between them. Until then each host works on",
        ["systemctl status etcd", "systemctl start etcd"],
    )


def full(endpoints: Sequence[str], revision: int) -> Trouble:
    """Return the trouble of a database at its quota: all three steps are needed, in this order."""
    return Trouble(
        "full",
        "etcd's database has reached its quota (alarm NOSPACE), so nothing shared can be changed",
        "have etcd forget its old revisions, give the room back at each member, and clear the alarm, in this order; a"
        " larger quota is set by ETCD_QUOTA_BACKEND_BYTES in /etc/default/etcd",
        [
            _SET,
            etcdctl(endpoints, "compact", str(revision)),
            etcdctl(endpoints, "--command-timeout=60s", "defrag"),
            etcdctl(endpoints, "alarm", "disarm"),
        ],
    )


def corrupt(name: str) -> Trouble:
    """Return the trouble of a member whose data differs from that of the others."""
    return Trouble(
        "corrupt",
        f"etcd found that the data of {name} differs from that of the others (alarm CORRUPT)",
        "remove this member, empty its data directory, and add it again: it gets everything from the others",
        [_SET, "etcdctl member list", "etcdctl member remove ID", "etcdctl member add NAME --peer-urls=URL"],
    )


def clock(seconds: float) -> Trouble:
    """Return the trouble of clocks that differ."""
    direction = "ahead of" if seconds > 0 else "behind"
    return Trouble(
        "clock",
        f"its clock is {abs(seconds):.0f} s {direction} that of this host",
        "set both clocks by the network: certificates and invitations are valid by them",
        ["timedatectl", "timedatectl set-ntp true"],
    )


def ends_soon(endpoint: str, days: float) -> Trouble:
    """Return the trouble of a certificate that ends soon."""
    return Trouble(
        "certificate",
        f"the certificate of etcd there ends in {max(days, 0):.0f} days",
        _RENEW,
        [_certificates(endpoint), "systemctl restart etcd"],
    )
