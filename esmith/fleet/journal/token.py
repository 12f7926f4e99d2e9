"""An invitation as text that can be pasted. It holds secrets: whoever has it can join as that host until it ends."""

from __future__ import annotations

from esmith.fields import dataclass


@dataclass(frozen=True)
class Invitation:
    """All that a host needs to join.

    :param fleet: name of the fleet.
    :param name: of the host that is invited.
    :param endpoints: URLs of etcd.
    :param ca: certificate of the authority, PEM.
    :param certificate: of the host as a client, PEM.
    :param key: of that certificate, PEM.
    :param user: in etcd.
    :param password: in etcd.
    :param one_time_key: private key that signs the join (:meth:`esmith.fleet.journal.keys.SigningKey.secret`).
    :param first_hash: hash of row 1 of the journal.
    :param until: when it ends, in seconds since 1970.
    :param head: ``N HASH`` of the row that invites: a journal without it was rewritten. "" where that is not known.
    :param groups: proposed groups of the host.
    """

    fleet: str
    name: str
    endpoints: tuple[str, ...]
    ca: str
    certificate: str
    key: str
    user: str
    password: str
    one_time_key: str
    first_hash: str
    until: int
    head: str = ""
    groups: tuple[str, ...] = ()

    def text(self) -> str:
        """Return it as text: lines of at most 76 characters between a first and a last one, with a checksum."""
        raise NotImplementedError

    @classmethod
    def read(cls, text: str) -> Invitation:
        """Return the invitation that a text is, with or without its first and last line, however it is wrapped.

        :raises UsageError: when it is none, was cut, or was changed.
        """
        raise NotImplementedError
