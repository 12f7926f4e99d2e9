"""The templates of a contrib: do the fragments compile, is their metadata understood."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from esmith.contrib.interface import check_interface
from esmith.contrib.place import Contrib
from esmith.contrib.variables import Variables
from esmith.errors import TemplateError
from esmith.fields import replace
from esmith.fragments.engine import bare_words
from esmith.fragments.identity import Identities
from esmith.fragments.kept_choices import KeptChoices
from esmith.fragments.language import chosen_engine
from esmith.fragments.metadata import Metadata, MetadataFiles
from esmith.fragments.original import DIRECTORY, NAMES, OriginalMetadata
from esmith.fragments.perl.template import PerlMistakeError
from esmith.fragments.render import Renderer
from esmith.fragments.shipped import Shipped
from esmith.fragments.tree import METADATA, Fragment, Template, TemplateTree
from esmith.layout import LAYERS

if TYPE_CHECKING:
    from esmith.fragments.perl.engine import Perl
    from esmith.store.protocol import Snapshot

_WRITES = re.compile(
    r"->\s*(?:set_prop|set_value|set_type|new_record|merge_props|reset_props|delete_prop)\b"
    r"|\$\w*(?:DB|db|record|rec)\s*->\s*delete\b|\bdb_(?:set|delete)\w*\s*\("
)
#: Where the original has the templates of users' files.
USER_TREES = ("templates-user", "templates-user-custom")


def check_templates(contrib: Contrib, perl: Perl, snapshot: Snapshot) -> None:
    """Look at every fragment, and say which could not be expanded."""
    fragments = _Fragments(contrib, perl, snapshot)
    for layer in LAYERS:
        base = f"/etc/e-smith/{layer}"
        for path in contrib.files(base):
            if os.path.basename(path) != METADATA:
                _check_fragment(contrib, fragments, layer, path)
    for tree in USER_TREES:
        for path in contrib.files(f"/etc/e-smith/{tree}"):
            name = path.removeprefix(f"/etc/e-smith/{tree}")
            place = f"/etc/e-smith/templates-custom/home/e-smith/files/users/{{key}}{name}"
            contrib.fails(
                path, f"{tree} is not used: files of users are templates as any other; rewrite it for {place}"
            )


class _Fragments:
    """What the fragments of a contrib are looked at with."""

    def __init__(self, contrib: Contrib, perl: Perl, snapshot: Snapshot) -> None:
        self._contrib = contrib
        self.perl = perl
        self.variables = Variables(contrib, perl, snapshot)
        self._renderer = Renderer(contrib.here, snapshot, perl=perl)
        # What templates.metadata has of the contrib is Perl, which is not run.
        self._metadata = MetadataFiles(TemplateTree(contrib.own), OriginalMetadata(contrib.here, lambda: perl))

    def metadata_of(self, template: Template, layer: str) -> Metadata:
        """Return what the contrib's own ``template.toml`` says; nothing where it is wrong, which its event reports."""
        path = template.path.removeprefix(f"/etc/e-smith/{layer}") or "/"
        try:
            return self._metadata.of(replace(template, path=path))
        except TemplateError:
            return Metadata()

    def parse_jinja(self, path: str, text: bytes) -> None:
        """Compile a fragment in Jinja2 without running it."""
        try:
            self._renderer.jinja().engine.code_of(text.decode(), self._contrib.own.under(path), path)
        except UnicodeDecodeError:
            self._contrib.fails(path, "is not UTF-8; convert it, e.g. with iconv")
        except TemplateError as error:
            self._contrib.fails_of(error, path)


def check_code(contrib: Contrib, perl: Perl, path: str, text: bytes) -> bool:
    """Compile a fragment without running it; return whether it does compile."""
    try:
        warnings = perl.parse(contrib.own.under(path), text)
    except PerlMistakeError as error:
        if error.missing:
            contrib.fails(path, missing_module(contrib, error.missing), error.line)
        else:
            contrib.fails_of(error, path)
        return False
    except TemplateError as error:
        contrib.fails_of(error, path)
        return False
    check_interface(contrib, perl, path, text.decode("utf-8", "replace"))
    for warning in warnings:
        contrib.note(path, warning.removeprefix(contrib.own.under(path)).lstrip(": "))
    return True


def missing_module(contrib: Contrib, module: str) -> str:
    """Return the message about a Perl module that is not found."""
    name = module.replace("::", "/") + ".pm"
    for path in contrib.files("/"):
        if path.endswith(f"/{name}"):
            place = "/usr/local/lib/site_perl"
            return f"uses {module}, which the contrib has in {path}, where this perl does not look; put it into {place}"
    if module.startswith("esmith::"):
        return f"uses {module}, which this version does not have"
    return f"uses the Perl module {module}, which is not installed"


def check_metadata(contrib: Contrib, perl: Perl) -> None:
    """Look at what ``templates.metadata`` says."""
    original = OriginalMetadata(contrib.own, lambda: perl)
    identities = Identities(contrib.here)
    paths = {path.removeprefix(DIRECTORY) for path in contrib.files(DIRECTORY)}
    templates = {os.path.dirname(path) if os.path.basename(path) in NAMES else path for path in paths}
    for path in sorted(templates):
        entries = original.entries(path)
        for note in entries.notes:
            place, _, message = note.partition(": ")
            file, _, line = place.rpartition(":")
            contrib.note(contrib.own.inside(file), message, int(line))
        for name, expression in entries.expressions.items():
            try:
                if entries.literal(name) is None:
                    perl.evaluate(f"sub {{ {expression.code} }}; 1", expression.path, {})
                    continue
                value = original.mode(path) if name == "PERMS" else original.value(path, name)
            except TemplateError as error:
                contrib.fails_of(error, DIRECTORY + path)
                continue
            found = {"UID": identities.user, "GID": identities.group}.get(name)
            if found and value and not value.isdigit() and value != "root" and found(value) is None:
                kind = "user" if name == "UID" else "group"
                place = contrib.own.inside(expression.path)
                contrib.fails(place, f"there is no {kind} {value!r}", expression.line, certain=os.geteuid() == 0)


def _check_fragment(contrib: Contrib, fragments: _Fragments, layer: str, path: str) -> None:
    place = contrib.own.under(path)
    if not os.path.isfile(place):
        if os.path.realpath(place) != os.devnull and not contrib.exists(_target(contrib, path)):
            contrib.fails(path, "is a link that leads nowhere")
        return
    text = contrib.read(path)
    fragment = Fragment(os.path.basename(path), place, contrib.own.layer(layer))
    directory = os.path.dirname(path)
    others = [
        Fragment(os.path.basename(other), contrib.own.under(other), fragment.layer)
        for other in contrib.files(directory)
        if os.path.dirname(other) == directory and os.path.isfile(contrib.own.under(other))
    ]
    template = Template(directory, [fragment, *(other for other in others if other != fragment)])
    metadata, here = fragments.metadata_of(template, layer), contrib.here
    choice = chosen_engine(fragment, text, template, metadata, Shipped(here), KeptChoices(here))
    if not choice.engine:
        hint = f'say which in a template.toml beside it: engine = {{ "{fragment.name}" = "perl" }}'
        contrib.fails(path, f"may be {choice.either}: it {choice.reason}; {hint}", choice.line)
    elif choice.engine == "jinja2":
        fragments.parse_jinja(path, text)
    elif choice.engine == "perl" and text:
        if check_code(contrib, fragments.perl, path, text):
            fragments.variables.check(path, directory.removeprefix(f"/etc/e-smith/{layer}"), text)
        code = text.decode("utf-8", "replace")
        for word, number in bare_words(code):
            contrib.note(
                path, f"{{{word}}} is Perl, which gives the word alone; write \\{{{word}\\}} for braces", number
            )
        for number, line in enumerate(code.splitlines(), 1):
            if _WRITES.search(line) and not line.lstrip().startswith("#"):
                message = "writes to a database, which a template may not; do it in an action or a migrate fragment"
                contrib.fails(path, message, number)


def _target(contrib: Contrib, path: str) -> str:
    """Return where a link leads, as a path of the configured system."""
    place = contrib.own.under(path)
    target = os.readlink(place) if os.path.islink(place) else place
    return os.path.normpath(os.path.join(os.path.dirname(path), target))
