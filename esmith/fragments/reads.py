"""What a template read while it was expanded (docs/concepts.md#what-a-file-depends-on)."""

from __future__ import annotations

from esmith.fields import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fragments.identity import User
    from esmith.schema.defaults import Default


@dataclass
class Reads:
    """Everything an output depends on besides the fragments themselves.

    :param props: (database, key, property) -> the value stored, None for a missing one; property "" is the type.
    :param defaults: (database, key, property) -> the default that was used instead of what is stored.
    :param schemas: schema files that decided on defaults, and directories where one was missing, as absolute paths of
        the configured system.
    :param listings: (database, type) of the records that were listed; type "" for all.
    :param names: (database, key) of the records whose properties were listed.
    :param users: the accounts that were looked up, None for a missing one.
    :param templates: other templates that were expanded.
    :param programs: programs of this machine whose versions were asked for.
    :param files: files and patterns that were looked at, as absolute paths of the configured system.
    """

    props: dict[tuple[str, str, str], str | None] = field(default_factory=dict)
    defaults: dict[tuple[str, str, str], Default] = field(default_factory=dict)
    schemas: set[str] = field(default_factory=set)
    listings: set[tuple[str, str]] = field(default_factory=set)
    names: set[tuple[str, str]] = field(default_factory=set)
    users: dict[str, User | None] = field(default_factory=dict)
    templates: set[str] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    def add(self, other: Reads) -> None:
        """Note what was read on behalf of this output by another expansion."""
        self.props |= other.props
        self.defaults |= other.defaults
        self.schemas |= other.schemas
        self.listings |= other.listings
        self.names |= other.names
        self.users |= other.users
        self.templates |= other.templates
        self.programs |= other.programs
        self.files |= other.files

    def databases(self) -> set[str]:
        """Return the names of the databases that were read."""
        listed = {database for database, _ in self.listings | self.names}
        return {database for database, _, _ in self.props} | listed
