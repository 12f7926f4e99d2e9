"""What the expansions of one run share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType
from typing import TYPE_CHECKING

from esmith.fragments.identity import Identities
from esmith.fragments.kept import KeptTexts
from esmith.fragments.metadata import MetadataFiles
from esmith.fragments.tree import TemplateTree
from esmith.layout import Layout
from esmith.schema.defaults import Defaults
from esmith.store.protocol import Snapshot

if TYPE_CHECKING:
    from esmith.fragments.perl.engine import Perl


@dataclass(frozen=True)
class Context:
    """What the expansions of one run share.

    :param layout: the root.
    :param snapshot: the databases.
    :param tree: where fragments are found.
    :param metadata: the metadata of templates.
    :param identities: the users and groups.
    :param perl: gives what runs Perl fragments.
    :param defaults: what properties that are not stored read as.
    :param compiled: the Jinja2 fragments that were compiled already, by path and text.
    :param kept: the texts of templates inside others.
    """

    layout: Layout
    snapshot: Snapshot
    tree: TemplateTree
    metadata: MetadataFiles
    identities: Identities
    perl: Callable[[], Perl]
    defaults: Defaults
    compiled: dict[tuple[str, str], CodeType] = field(default_factory=dict)
    kept: KeptTexts = field(default_factory=KeptTexts)
