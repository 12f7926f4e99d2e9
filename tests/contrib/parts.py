"""Parts that contribs are made of at random, good ones and faulty ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from tests.contrib.kit import Write, linked, written

#: Templates that are shipped, and two of the contrib's own; the last is a single file.
CLAMD, RECIPIENTS, OWN, SECOND = "etc/clamd.conf", "var/service/qpsmtpd/config/goodrcptto", "etc/own.conf", "etc/b.conf"
SHIPPED = "email-update"
MINE = "own-update"


@dataclass(frozen=True)
class Part:
    """One part of a contrib.

    :param name: what it is.
    :param write: writes it below ``etc/e-smith``.
    :param hidden: whether only running it shows what is wrong with it.
    """

    name: str
    write: Write
    hidden: bool = False


def _own_template(write: Write) -> Write:
    """Return what also writes the rest of the contrib's own template: a marker in both events."""

    def both(base: Path) -> None:
        for event in (SHIPPED, MINE):
            written(f"events/{event}/templates2expand/{OWN}", "")(base)
        written(f"templates/{OWN}/10head", "# { $DomainName }\n")(base)
        write(base)

    return both


#: Fragments: the text, whether it works, whether only running it shows that it does not.
_FRAGMENTS = {
    "text": ("# plain\n", False),
    "Perl": ("# { $clamd{status} || 'none' }\n", False),
    "strict": ("{ use strict; our $x = 'a'; $OUT .= \"# $x\\n\"; }\n", False),
    "a database": ("{ my $r = $DB->get('clamd'); $OUT = $r ? '' : '# none'; }\n", False),
    "no syntax": ("{ my $x = ; }\n", False),
    "no end": ("{ my $x = 1;\n", False),
    "no module": ("{ use No::Such; '' }\n", False),
    "no method": ("{ $DB->no_such_method; '' }\n", False),
    "no function": ("{ use esmith::util; esmith::util::setUserPassword('a', 'b'); '' }\n", False),
    "a write": ("{ $DB->set_prop('clamd', 'x', 1); '' }\n", False),
    "a death": ("{ die 'no' if $DomainName; '' }\n", True),
    "a division": ("{ 1 / ($DomainName eq '' ? 1 : 0) }\n", True),
    "a print": ("{ print 'x'; '' }\n", True),
}
#: Actions: what is in them.
_ACTIONS = {
    "sh": ("#!/bin/sh\nexit 0\n", False),
    "Perl": ("#!/usr/bin/perl -w\nuse strict;\nuse esmith::ConfigDB;\nmy $c = esmith::ConfigDB->open_ro;\n", False),
    "Perl in taint mode": ("#!/usr/bin/perl -wT\nuse strict;\nexit 0;\n", False),
    "Python": ("#!/usr/bin/env python3\nprint('done')\n", False),
    "no interpreter": ("true\n", False),
    "bad sh": ("#!/bin/sh\nif true\n", False),
    "bad Perl": ("#!/usr/bin/perl\nuse strict;\n$x = 1;\n", False),
    "bad Python": ("#!/usr/bin/env python3\nprint 'x'\n", False),
    "bad without an interpreter": ("for x in\ndo (\n", False),
    "a missing interpreter": ("#!/usr/bin/no-such-program\n", False),
    "a missing module": ("#!/usr/bin/perl\nuse No::Such;\n", False),
}


def _all() -> list[Part]:
    found = []
    for where in (CLAMD, RECIPIENTS):
        for name, (text, hidden) in _FRAGMENTS.items():
            # What qpsmtpd reads as an address is another matter.
            shown = text.replace("# ", "") if where == RECIPIENTS and name in ("text", "Perl", "strict") else text
            if shown == text or where == CLAMD:
                found.append(
                    Part(f"{name} in {where}", written(f"templates/{where}/80{name[:4].strip()}", text), hidden)
                )
    for name, (text, hidden) in _FRAGMENTS.items():
        found.append(Part(f"{name} in {OWN}", _own_template(written(f"templates/{OWN}/50x", text)), hidden))
        single = written(f"templates/{SECOND}", text)
        marker = written(f"events/{MINE}/templates2expand/{SECOND}", "")
        found.append(Part(f"{name} in a single file", _both(single, marker), hidden))
    for event in (SHIPPED, MINE):
        for number, (name, (text, hidden)) in enumerate(_ACTIONS.items()):
            action = f"own-{number}"
            parts = _both(
                written(f"events/actions/{action}", text, 0o755),
                linked(f"events/{event}/S{20 + number}{action}", f"../actions/{action}"),
            )
            found.append(Part(f"{name} as an action of {event}", parts, hidden))
    return [*found, *_others()]


def _both(*parts: Write) -> Write:
    def write(base: Path) -> None:
        for part in parts:
            part(base)

    return write


def _others() -> list[Part]:
    db = "db/configuration"
    metadata = f"templates.metadata/{OWN}"
    migrates = "{ my $r = $DB->get('own') || $DB->new_record('own', { type => 'service' }); $r->set_prop('a', 1); }\n"
    parts = {
        "defaults": _both(
            written(f"{db}/defaults/own/type", "service\n"), written(f"{db}/defaults/own/status", "enabled\n")
        ),
        "defaults without a type": written(f"{db}/defaults/typeless/status", "enabled\n"),
        "a type of a migration": _both(
            written(f"{db}/migrate/40own", migrates), written(f"{db}/force/own/Version", "2\n")
        ),
        "a migration without syntax": written(f"{db}/migrate/41bad", "{ my $x = ; }\n"),
        "a schema file": written(f"{db}/shape.toml", '[properties.Size]\ntype = "text"\ndefault = "1"\n'),
        "a bad schema file": written(f"{db}/bad.toml", "[properties.Size]\ntipe = 1\n"),
        "a mode": _own_template(written(metadata, 'PERMS=0600\nUID="root"\n')),
        "a computed mode": _own_template(written(metadata, "PERMS=06 . '00'\n")),
        "a mode without syntax": _own_template(written(metadata, "PERMS=(06\n")),
        "an owner who is nobody": _own_template(written(metadata, 'UID="no-such-user"\n')),
        "a name of the metadata that is unknown": _own_template(written(metadata, "MODE=0600\n")),
        "a marker without a template": written(f"events/{SHIPPED}/templates2expand/etc/gone.conf", ""),
        "a service action": linked(f"events/{MINE}/services2adjust/clamd", "restart"),
        "a service action that is none": linked(f"events/{MINE}/services2adjust/clamd", "restrat"),
        "a link as a fragment": _own_template(linked(f"templates/{OWN}/60link", "10head")),
        "a link that leads nowhere": _own_template(linked(f"templates/{OWN}/60link", "nowhere")),
        "a fragment that is left out": _own_template(linked(f"templates/{OWN}/60link", "/dev/null")),
        "an action that leads nowhere": linked(f"events/{SHIPPED}/S60gone", "../actions/gone"),
        "an action that is not executable": written(f"events/{SHIPPED}/S61plain", "#!/bin/sh\nexit 1\n"),
        "a bad service": written("services/clamd/service.toml", "[probe]\nprt = 1\n"),
        "a panel": written("web/functions/own", "x\n"),
    }
    hidden = {
        "a migration that dies": written(f"{db}/migrate/42dies", "{ die 'no' if $DB; }\n"),
        "a mode that is none": _own_template(written(metadata, "PERMS=8 . '99'\n")),
        "a line that its reader refuses": written(f"templates/{CLAMD}/81bad", "NoSuchOption{ '' } yes\n"),
    }
    shown = [Part(name, write) for name, write in parts.items()]
    return [*shown, *(Part(name, write, hidden=True) for name, write in hidden.items())]


PARTS = _all()
#: From one to four parts of a contrib, in the order in which they are written.
CONTRIBS = st.lists(st.sampled_from(PARTS), min_size=1, max_size=4, unique_by=lambda part: part.name)
