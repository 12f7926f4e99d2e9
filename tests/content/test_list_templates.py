"""No template writes the value of a setting into a list of patterns as it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

TEMPLATES = Path(__file__).parents[2] / "templates"
CONFIG, CONTROL = "var/service/qpsmtpd/config", "var/qmail/control"
#: The templates of the lists in docs/daemons.md#lists whose entries are more than literals to their reader.
LISTS = [
    *(f"{CONTROL}/{name}" for name in ("badmailfrom", "badrcptto")),
    *(f"{CONFIG}/{name}" for name in ("badhelo", "badmailfrom", "badrcptto", "badrcptto_patterns")),
    *(f"{CONFIG}/{name}" for name in ("dnsbl_zones", "rhsbl_zones", "uribl_zones", "relayclients")),
    *(f"{CONFIG}/{name}" for name in ("whitelisthelo", "whitelisthosts", "whitelistsenders")),
    "etc/mail/spamassassin/local.cf/60globalWBL",
    "etc/mail/spamassassin/local.cf/70globalWBL_to",
]
#: Functions whose results may be printed there: they give lines that are written for their reader.
WRITERS = {"list_lines", "literal", "network_prefixes", "template"}
#: A setting that can only be the address of an interface.
ADDRESSES = {"LocalIP"}


def fragments(name: str) -> Iterator[Path]:
    """Yield the fragments of a template, those of a link to another directory too."""
    path = TEMPLATES / name
    yield from sorted(one for one in path.iterdir() if one.suffix != ".toml") if path.is_dir() else [path]


def raw_values(text: str) -> list[str]:
    """Return the names that a fragment prints though they are not what one of the WRITERS gave."""
    tree = jinja2.Environment(trim_blocks=True).parse(text)
    loops = [loop for loop in tree.find_all(nodes.For) if _is_written(loop.iter, set())]
    written = {loop.target.name for loop in loops if isinstance(loop.target, nodes.Name)}
    printed = (part for output in tree.find_all(nodes.Output) for part in output.nodes)
    return [
        ast_text(part)
        for part in printed
        if not isinstance(part, nodes.TemplateData) and not _is_written(part, written | ADDRESSES)
    ]


def _is_written(node: nodes.Node, names: set[str]) -> bool:
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
        return node.node.name in WRITERS
    return isinstance(node, nodes.Name) and node.name in names


def ast_text(node: nodes.Node) -> str:
    """Return a node for a message."""
    return node.name if isinstance(node, nodes.Name) else repr(node)


@pytest.mark.parametrize("name", LISTS)
def test_values_are_written_for_their_reader(name: str) -> None:
    """Each fragment of a list of patterns prints what list_lines gives, or names that are no settings."""
    found = {str(path): raw for path in fragments(name) if (raw := raw_values(path.read_text()))}
    assert found == {}, "print the lines that list_lines gives: docs/fragments.md, Lists that programs read as patterns"


@pytest.mark.parametrize(
    "text",
    [
        "{% for sender, value in db.wbl['badmailfrom'] | properties %}\n{{ sender }}\n{% endfor %}",
        "{{ account.key }}@{{ domain.key }}",
        "{{ qpsmtpd.RBLList | replace(',', '\\n') }}",
        "{% for line in list_lines('badhelo', []) %}{{ line }}{% endfor %}{% for x in names %}{{ x }}{% endfor %}",
    ],
)
def test_a_raw_value_is_found(text: str) -> None:
    """A fragment that prints a setting as it stands is found."""
    assert raw_values(text)
