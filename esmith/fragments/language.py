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
    from collections.abc import Iterator

    from esmith.fragments.kept_choices import KeptChoices
    from esmith.fragments.metadata import Metadata
    from esmith.fragments.shipped import Shipped
    from esmith.fragments.tree import Fragment, Template


def chosen_engine(
    fragment: Fragment, data: bytes, template: Template, metadata: Metadata, shipped: Shipped, choices: KeptChoices
) -> Choice:
    """Return the engine of a fragment: what the metadata says, else what its place and its text ask for.

    :param data: what is in the fragment.
    :param template: the template it is part of.
    :param shipped: the shipped fragments of the root.
    :param choices: what the texts of fragments ask for.
    :raises TemplateError: when another fragment of the template cannot be read.
    """
    stated = metadata.fragment_engines.get(fragment.name) or metadata.engine
    if stated:
        return Choice(stated, f"set in {metadata.sources['engine']}")
    choice, is_certain = choices.choose(data)
    # To ask for the place takes the list of shipped files and the other fragments.
    if is_certain:
        return choice
    place = _original_place(fragment, template, metadata, shipped)
    return _choose(data.decode("utf-8", "surrogateescape"), place) if place else choice


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


def _choose(text: str, place: str = "") -> Choice:
    # For most texts that is kept.
    from esmith.fragments.engine import choose_engine

    return choose_engine(text, place=place)


def _original_place(fragment: Fragment, template: Template, metadata: Metadata, shipped: Shipped) -> str:
    """Return why a fragment is in the original's language unless it is Jinja2; "" when its place does not say so."""
    if shipped.has(fragment):
        return ""
    here = os.path.dirname(fragment.path)
    others = list(_other_texts(fragment, template, metadata, shipped))
    if any(os.path.dirname(other.path) == here and _is_perl(text, stated) for other, text, stated in others):
        return "beside fragments in Perl"
    if not shipped.is_known:
        return ""
    if shipped.has_place(fragment, template):
        return "in a fragment of a package" if os.path.basename(fragment.layer) == LAYERS[-1] else ""
    if any(_is_perl(text, stated) for _, text, stated in others):
        return "beside fragments in Perl"
    beside_jinja = any(_is_jinja(text, stated) for _, text, stated in others)
    return "" if beside_jinja else "in a directory that is not shipped"


def _other_texts(
    fragment: Fragment, template: Template, metadata: Metadata, shipped: Shipped
) -> Iterator[tuple[Fragment, str, str]]:
    """Yield the other fragments of a template that are not shipped, with their texts and the engines that are set."""
    for other in template.fragments:
        if other is not fragment and not other.masked and not shipped.has(other):
            text = read_fragment(other, template.path).decode("utf-8", "surrogateescape")
            yield other, text, metadata.fragment_engines.get(other.name, "")


def _is_perl(text: str, stated: str) -> bool:
    return (stated or _choose(text).engine) == "perl"


def _is_jinja(text: str, stated: str) -> bool:
    return (stated or _choose(text, "in the original's language").engine) == "jinja2"
