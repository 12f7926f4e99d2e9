"""The functions and methods of the original's modules that a contrib calls and that are not here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from esmith.contrib.place import Contrib
    from esmith.fragments.perl.engine import Perl

#: A function by its whole name, a method of a class, a method of the database that every fragment has.
_CALLS = re.compile(
    r"(?<![\w$@%&:])&?(?P<module>esmith(?:::\w+)+)::(?P<function>\w+)\s*\("
    r"|(?<![\w$@%&:])(?P<class>esmith(?:::\w+)+)->(?P<method>\w+)"
    r"|\$(?P<database>DB)\s*->\s*(?P<of_database>\w+)"
)
_DATABASE = "esmith::ConfigDB"
#: Gives for each call a line with why it cannot be made, "" when it can. A missing module is found elsewhere.
_JUDGE = r"""
join "\n", map {
    my ($package, $name) = /\A(.*)::(\w+)\z/s;
    my $is_there = eval "require $package; 1";
    my $can = grep { $package->can($_) } $name, 'AUTOLOAD';
    !$is_there ? '' : $esmith::absent::REASON{$_} // ($can ? '' : '-');
} split ' ', $CALLS
"""


def check_interface(contrib: Contrib, perl: Perl, path: str, text: str) -> None:
    """Name the functions and methods of the original that a file calls and that are not here; it is not run.

    :param path: a fragment or script in Perl.
    """
    lines: dict[str, int] = {}
    for number, line in enumerate(re.split(r"^__(?:END|DATA)__$", text, flags=re.MULTILINE)[0].splitlines(), 1):
        for found in _CALLS.finditer("" if line.lstrip().startswith("#") else line):
            package = found["module"] or found["class"] or _DATABASE
            name = found["function"] or found["method"] or found["of_database"]
            lines.setdefault(f"{package}::{name}", number)
    if not lines:
        return
    answer = perl.evaluate(_JUDGE, contrib.own.under(path), {"CALLS": " ".join(lines)}) or ""
    for (call, number), why in zip(lines.items(), answer.split("\n"), strict=False):
        if why:
            reason = f": {why}" if why != "-" else ""
            contrib.fails(path, f"calls {call}, which this version does not have{reason}", number)
