"""Which language a fragment is in: what its metadata says, where it is, and what its text shows.

What SME Server and its contribs have is in the original's language (docs/fragments.md#which-language). Only beside
shipped fragments, and beside Jinja2 of the administrator's own, may a brace be plain text.
"""

from __future__ import annotations

import os

from esmith.errors import TemplateError
from esmith.fragments.choice import Choice
from esmith.layout import LAYERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.fragments.kept_choices import KeptChoices
    from esmith.fragments.metadata import Metadata
    from esmith.fragments.shipped import Shipped
    from esmith.fragments.tree import Fragment, Template

    #: Templates with what their fragments are, by the id of the template.
    KnownLanguages = dict[int, tuple[Template, "Languages"]]

_PLACE = "in the original's language"


class Beside:
    """What the fragments of templates show that are not shipped: it decides on those beside them, and is read once.

    :param shipped: the shipped fragments of the root.
    :param choices: what the texts of fragments ask for.
    :param known: what is known already, by the id of each template. It is kept with it: another may get its id else.
    """

    def __init__(self, shipped: Shipped, choices: KeptChoices, known: KnownLanguages) -> None:
        self._shipped = shipped
        self._choices = choices
        self._known = known

    def of(self, template: Template, metadata: Metadata) -> Languages:
        """Return what the fragments of a template are.

        :raises TemplateError: when one cannot be read.
        """
        if id(template) not in self._known:
            languages = Languages()
            for other in template.fragments:
                if not other.masked and not self._shipped.has(other):
                    engine = metadata.fragment_engines.get(other.name, "")
                    self._note(languages, other, template, engine)
            self._known[id(template)] = template, languages
        return self._known[id(template)][1]

    def _note(self, languages: Languages, other: Fragment, template: Template, engine: str) -> None:
        data = read_fragment(other, template.path)
        choice, is_certain = self._choices.choose(data)
        if (engine or choice.engine) == "perl":
            languages.perl.append(other)
            languages.perl_in.setdefault(os.path.dirname(other.path), []).append(other)
        if not engine and not is_certain:
            choice = _choose(data, _PLACE)
        if (engine or choice.engine) == "jinja2":
            languages.jinja.append(other)


class Languages:
    """The fragments of one template that are Perl, all and by directory, and those that are Jinja2."""

    def __init__(self) -> None:
        self.perl: list[Fragment] = []
        self.perl_in: dict[str, list[Fragment]] = {}
        self.jinja: list[Fragment] = []


def chosen_engine(
    fragment: Fragment,
    data: bytes,
    template: Template,
    metadata: Metadata,
    shipped: Shipped,
    choices: KeptChoices,
    known: KnownLanguages | None = None,
) -> Choice:
    """Return the engine of a fragment: what the metadata says, else what its place and its text ask for.

    :param data: what is in the fragment.
    :param template: the template it is part of.
    :param shipped: the shipped fragments of the root.
    :param choices: what the texts of fragments ask for.
    :param known: what is known of templates; None where one fragment is asked for.
    :raises TemplateError: when another fragment of the template cannot be read.
    """
    stated = metadata.fragment_engines.get(fragment.name) or metadata.engine
    if stated:
        return Choice(stated, f"set in {metadata.sources['engine']}")
    choice, is_certain = choices.choose(data)
    # To ask for the place takes the list of shipped files and the other fragments.
    if is_certain:
        return choice
    beside = Beside(shipped, choices, {} if known is None else known)
    place = _original_place(fragment, template, metadata, shipped, beside)
    return _choose(data, place) if place else choice


def read_fragment(fragment: Fragment, output: str) -> bytes:
    """Return what is in a fragment.

    :param output: what it is read for, for the message.
    :raises TemplateError: when it cannot be read.
    """
    try:
        with open(fragment.path, "rb") as file:
            return file.read()
    except OSError as error:
        if os.path.islink(fragment.path) and not os.path.exists(fragment.path):
            hint = "correct the link, or remove it; a link to /dev/null leaves the fragment out"
            what = f"is a link that leads nowhere: {os.readlink(fragment.path)} (for {output})"
            raise TemplateError(what, place=fragment.path, hint=hint) from error
        raise TemplateError(f"cannot be read: {error.strerror} (for {output})", place=fragment.path) from error


def _choose(data: bytes, place: str) -> Choice:
    # What most texts ask for is kept.
    from esmith.fragments.engine import choose_engine

    return choose_engine(data.decode("utf-8", "surrogateescape"), place=place)


def _original_place(
    fragment: Fragment, template: Template, metadata: Metadata, shipped: Shipped, beside: Beside
) -> str:
    """Return why a fragment is in the original's language unless it is Jinja2; "" when its place does not say so."""
    if shipped.has(fragment):
        return ""
    languages = beside.of(template, metadata)
    if _is_there(languages.perl_in.get(os.path.dirname(fragment.path), ()), fragment):
        return "beside fragments in Perl"
    if not shipped.is_known:
        return ""
    if shipped.has_place(fragment, template):
        return "in a fragment of a package" if os.path.basename(fragment.layer) == LAYERS[-1] else ""
    if _is_there(languages.perl, fragment):
        return "beside fragments in Perl"
    return "" if _is_there(languages.jinja, fragment) else "in a directory that is not shipped"


def _is_there(found: Sequence[Fragment], fragment: Fragment) -> bool:
    """Return whether there is another one than a fragment itself."""
    return any(other is not fragment for other in found)
