"""What the expansions of one run share."""

from __future__ import annotations

from esmith.fields import dataclass, field
from esmith.fragments.kept import KeptTexts
from esmith.fragments.language import chosen_engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.fragments.choice import Choice
    from esmith.fragments.kept_choices import KeptChoices
    from esmith.fragments.language import KnownLanguages
    from esmith.fragments.metadata import Metadata, MetadataFiles
    from esmith.fragments.perl.engine import Perl
    from esmith.fragments.runner import Runner
    from esmith.fragments.shipped import Shipped
    from esmith.fragments.tree import Fragment, Template, TemplateTree
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot


@dataclass(frozen=True)
class Context:
    """What the expansions of one run share.

    :param layout: the root.
    :param snapshot: the databases.
    :param tree: where fragments are found.
    :param metadata: the metadata of templates.
    :param jinja: gives what runs Jinja2 fragments.
    :param perl: gives what runs Perl fragments.
    :param shipped: which fragments are shipped.
    :param choices: which engines the texts of fragments ask for.
    :param kept: the texts of templates inside others.
    :param files: what is in the files of fragments, by their paths on this disk; each is read once.
    :param languages: what the fragments of templates are that are not shipped.
    :param chosen: templates with the engines of their fragments by name and path, by the id of the template.
    """

    layout: Layout
    snapshot: Snapshot
    tree: TemplateTree
    metadata: MetadataFiles
    jinja: Callable[[], Runner]
    perl: Callable[[], Perl]
    shipped: Shipped
    choices: KeptChoices
    kept: KeptTexts = field(default_factory=KeptTexts)
    files: dict[str, bytes] = field(default_factory=dict)
    languages: KnownLanguages = field(default_factory=dict)
    chosen: dict[int, tuple[Template, dict[tuple[str, str], Choice]]] = field(default_factory=dict)

    def engine_of(self, fragment: Fragment, data: bytes, template: Template, metadata: Metadata) -> Choice:
        """Return the engine of a fragment: see :func:`esmith.fragments.language.chosen_engine`.

        :param data: what is in the fragment.
        :raises TemplateError: when another fragment of the template cannot be read.
        """
        chosen, place = self.chosen.setdefault(id(template), (template, {}))[1], (fragment.name, fragment.path)
        if place not in chosen:
            chosen[place] = chosen_engine(
                fragment, data, template, metadata, self.shipped, self.choices, self.languages
            )
        return chosen[place]
