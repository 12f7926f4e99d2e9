"""Every path of the product, computed from one root.

Paths are strings, not :mod:`pathlib` objects, because importing pathlib takes longer than a whole ``getprop``.
"""

from __future__ import annotations

import os

from esmith.errors import UsageError
from esmith.trust import ENVIRONMENT as TRUST_OWNER
from esmith.trust import Trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.disk import Disk

#: The two trees a fragment may come from, nearest first (docs/concepts.md#layers).
LAYERS = ("templates-custom", "templates")
#: Of the configured system, as backups and messages name it.
FLEET_FILES = "/home/e-smith/fleet"
#: In :attr:`Layout.drafts`: a directory for each kind of draft, and one for what each draft was begun from.
DRAFTS, DRAFTS_BEGUN = ("edit", "merge"), "begun"


class Layout:
    """Where things are under one root.

    :param root: the directory every absolute path is taken under; ``/`` in production.
    """

    __slots__ = ("root", "trust")

    def __init__(self, root: str = "/") -> None:
        self.root = os.path.abspath(root)
        #: Says which paths of the root count.
        self.trust = Trust(self.root, trust_owner=bool(os.environ.get(TRUST_OWNER)))

    @classmethod
    def chosen(cls, root: str | None = None) -> Layout:
        """Return the layout of ``--root``, else of the environment's ESMITH_ROOT, else of ``/``.

        :raises UsageError: when the root named is not a directory.
        """
        if root == "":
            raise UsageError("the root is empty", hint="name a directory after --root")
        chosen = root or os.environ.get("ESMITH_ROOT") or "/"
        if not os.path.isdir(chosen):
            raise UsageError(
                f"the root {chosen!r} is not a directory", hint="create it first, or correct --root or ESMITH_ROOT"
            )
        return cls(chosen)

    def disk(self) -> Disk:
        """Return the files of this root, for one command; directories are opened once."""
        from esmith.disk import Disk

        return Disk(self.root, self.trust.owners)

    def under(self, path: str) -> str:
        """Return where an absolute path of the configured system is on this disk.

        The path is taken literally below the root: ``..`` cannot climb out of it.
        """
        clean = os.path.normpath("/" + path.lstrip("/"))
        return clean if self.root == "/" else (self.root + clean).rstrip("/")

    def matching(self, pattern: str) -> list[str]:
        """Return the paths of the configured system that match a shell pattern, sorted; no temporary files of ours."""
        from esmith.matches import paths_matching
        from esmith.names import is_temporary

        found = paths_matching("" if self.root == "/" else self.root, os.path.normpath("/" + pattern.lstrip("/")))
        return sorted(self.inside(path) for path in found if not is_temporary(os.path.basename(path)))

    def inside(self, path: str) -> str:
        """Return the configured system's name of a path on this disk: the inverse of :meth:`under`."""
        if self.root == "/":
            return path
        return path.removeprefix(self.root) or "/"

    @property
    def is_machine(self) -> bool:
        """Whether the root is the machine itself, so that its accounts and services are the real ones."""
        return self.root == "/"

    @property
    def database(self) -> str:
        """The directory of the LMDB environment that holds every database."""
        return self.under("/home/e-smith/db")

    @property
    def configuration(self) -> str:
        """The directory that holds templates, templates-custom, events and db."""
        return self.under("/etc/e-smith")

    @property
    def schema(self) -> str:
        """The directory that says what each record may hold."""
        return self.under("/etc/e-smith/db")

    @property
    def events(self) -> str:
        """The directory of the events."""
        return self.under("/etc/e-smith/events")

    @property
    def services(self) -> str:
        """The directory of the services."""
        return self.under("/etc/e-smith/services")

    @property
    def services_custom(self) -> str:
        """The administrator's definitions of services, which come first."""
        return self.under("/etc/e-smith/services-custom")

    @property
    def panels(self) -> str:
        """The directory of the pages of the server-manager."""
        return self.under("/etc/e-smith/panels")

    @property
    def panels_custom(self) -> str:
        """The pages of contribs and of the administrator, which come first."""
        return self.under("/etc/e-smith/panels-custom")

    @property
    def manager(self) -> str:
        """What the helper of the server-manager keeps: jobs, failed logins, the password of a root folder."""
        return self.under("/var/lib/e-smith/manager")

    @property
    def manager_socket(self) -> str:
        """The socket at which the helper of the server-manager answers."""
        return self.under("/var/run/e-smith/manager/socket")

    @property
    def fleet(self) -> str:
        """What the agent of a fleet keeps, and its socket."""
        return self.under("/var/lib/e-smith/fleet")

    @property
    def fleet_files(self) -> str:
        """The directory of a member's certificates, keys and passwords."""
        return self.under(FLEET_FILES)

    @property
    def checks(self) -> str:
        """The directory of the checks that need no program."""
        return self.under("/etc/e-smith/checks")

    def check(self, name: str) -> str:
        """Return the file of a check that needs no program: that of ``qmail-users`` is ``qmail_users.py``."""
        return os.path.join(self.checks, f"{name.replace('-', '_')}.py")

    @property
    def commands(self) -> str:
        """The directory scripts call the commands in (``/sbin/e-smith/db`` ...)."""
        return self.under("/sbin/e-smith")

    @property
    def state(self) -> str:
        """The directory for what the engine keeps besides the databases: kept files, the list of shipped files."""
        return self.under("/var/lib/e-smith")

    @property
    def event_lock(self) -> str:
        """The file that is locked while an event runs."""
        return self.under("/var/lib/e-smith/event.lock")

    @property
    def staged(self) -> str:
        """The directory that says where new files wait for being put in place."""
        return self.under("/var/lib/e-smith/staged")

    @property
    def set_aside(self) -> str:
        """The directory for damaged rows of the engine's own tables (:mod:`esmith.events.damage`)."""
        return self.under("/var/lib/e-smith/set-aside")

    @property
    def bases(self) -> str:
        """The directory for what overrides were made from (:mod:`esmith.setup.bases`)."""
        return self.under("/var/lib/e-smith/bases")

    @property
    def drafts(self) -> str:
        """The directory for overrides that are edited and not saved yet (:mod:`esmith.overrides.drafts`)."""
        return self.under("/var/lib/e-smith/drafts")

    @property
    def kept_code(self) -> str:
        """The private directory for compiled fragments and tables that were read (:mod:`esmith.private`)."""
        return self.under("/var/lib/e-smith/code")

    @property
    def log(self) -> str:
        """The log of the events when the root is not the machine itself (else syslog has it)."""
        return self.under("/var/log/e-smith/events.log")

    def layer(self, name: str) -> str:
        """Return the directory of a fragment layer.

        :param name: one of :data:`LAYERS`.
        """
        return self.under(f"/etc/e-smith/{name}")
