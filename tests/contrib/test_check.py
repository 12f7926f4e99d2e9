"""``esmith contrib check``: what would not work, each found and named."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.contrib.check import check_contrib
from esmith.contrib.place import FAILS, NOTE
from esmith.layout import Layout
from esmith.store import open_store
from tests.commands import Root
from tests.contrib.kit import Write, copied, linked, written

FRAGMENT = "templates/etc/notices.conf/30x"
ACTION = "events/actions/x"
#: What is put into the contrib, and what is reported: file, line, kind, a part of the message.
SPOILT: dict[str, tuple[Write, str, int, str, str]] = {
    "a mistake in service.toml": (
        written("services/notices/service.toml", "[probe]\nprt = 1\n"),
        "services/notices/service.toml",
        0,
        FAILS,
        "[probe] unknown key 'prt'",
    ),
    "a syntax error": (written(FRAGMENT, "text\n{ my $x = ; }\n"), FRAGMENT, 2, FAILS, "syntax error"),
    "a brace that is not closed": (written(FRAGMENT, "a\n{ my $x = 1;\n"), FRAGMENT, 2, FAILS, "End of data"),
    "a missing module": (
        written(FRAGMENT, "{\n\nuse No::Such::Module;\n$x }\n"),
        FRAGMENT,
        3,
        FAILS,
        "uses the Perl module No::Such::Module, which is not installed",
    ),
    "a module of SME Server": (
        written(FRAGMENT, "{ use esmith::FormMagick; $x }\n"),
        FRAGMENT,
        1,
        FAILS,
        "uses esmith::FormMagick, which this version does not have",
    ),
    "a module that is not provided": (
        written(FRAGMENT, "\n{ use esmith::cgi; $x }\n"),
        FRAGMENT,
        2,
        FAILS,
        "the module esmith::cgi is not provided: it draws pages of the original server-manager",
    ),
    "a template that writes": (
        written(FRAGMENT, "{\n$DB->set_prop('notices', 'x', 1);\n}\n"),
        FRAGMENT,
        2,
        FAILS,
        "writes to a database",
    ),
    "a mistake in Jinja2": (
        written("templates/etc/clamd.conf/30x", "a\n{{ DomainName | nosuch }}\n"),
        "templates/etc/clamd.conf/30x",
        2,
        FAILS,
        "No filter named 'nosuch'",
    ),
    "an engine that is not clear": (
        written("templates/etc/other/10x", "{{ DomainName }} { $DomainName }\n"),
        "templates/etc/other/10x",
        1,
        FAILS,
        "may be Perl or Jinja2",
    ),
    "a link that leads nowhere": (linked(FRAGMENT, "gone"), FRAGMENT, 0, FAILS, "leads nowhere"),
    "a file for a directory": (
        written("templates/etc/php.ini", "x\n"),
        "templates/etc/php.ini",
        0,
        FAILS,
        "a directory",
    ),
    "a template of no event": (
        written("templates/etc/other/10x", "x\n"),
        "templates/etc/other",
        0,
        NOTE,
        "is expanded by no event",
    ),
    "a user's template": (
        written("templates-user/.qmail/49x", "x\n"),
        "templates-user/.qmail/49x",
        0,
        FAILS,
        "templates-custom/home/e-smith/files/users/{key}/.qmail/49x",
    ),
    "metadata that is not Perl": (
        written("templates.metadata/etc/x", "UID=0\nPERMS=(06\n"),
        "templates.metadata/etc/x",
        2,
        FAILS,
        "syntax error",
    ),
    "metadata with an unknown name": (
        written("templates.metadata/etc/x", "MODE=0600\n"),
        "templates.metadata/etc/x",
        1,
        NOTE,
        "unknown name 'MODE'",
    ),
    "an unknown owner": (
        written("templates.metadata/etc/x/UID", '"nobody-knows"\n'),
        "templates.metadata/etc/x/UID",
        1,
        FAILS,
        "there is no user 'nobody-knows'",
    ),
    "no mode": (written("templates.metadata/etc/x", "PERMS='rw'"), "templates.metadata/etc/x", 1, FAILS, "is no mode"),
    "a marker without a template": (
        written("events/notices-update/templates2expand/etc/gone", ""),
        "events/notices-update/templates2expand/etc/gone",
        0,
        FAILS,
        "names /etc/gone",
    ),
    "an unknown word": (
        linked("events/notices-update/services2adjust/x", "restrat"),
        "events/notices-update/services2adjust/x",
        0,
        FAILS,
        "'restrat'",
    ),
    "an action that leads nowhere": (
        linked("events/notices-update/S20x", "../actions/gone"),
        "events/notices-update/S20x",
        0,
        FAILS,
        "leads to /etc/e-smith/events/actions/gone",
    ),
    "an action that is not executable": (
        written("events/notices-update/S20x", "#!/bin/sh\n"),
        "events/notices-update/S20x",
        0,
        NOTE,
        "is not executable",
    ),
    "a missing interpreter": (
        written(ACTION, "#!/usr/bin/no-such-interpreter\n", 0o755),
        ACTION,
        1,
        FAILS,
        "needs /usr/bin/no-such-interpreter",
    ),
    "a missing interpreter by env": (
        written(ACTION, "#!/usr/bin/env -S nosuch -w\n", 0o755),
        ACTION,
        1,
        FAILS,
        "needs nosuch",
    ),
    "an action with a missing module": (
        written(ACTION, "#!/usr/bin/perl\nuse strict;\n# use Not::This;\nuse esmith::FormMagick qw(x);\n", 0o755),
        ACTION,
        4,
        FAILS,
        "uses esmith::FormMagick",
    ),
    "a missing command": (
        written(ACTION, "#!/bin/sh\n/sbin/e-smith/config show\n/sbin/e-smith/no-such --all\n", 0o755),
        ACTION,
        3,
        FAILS,
        "names /sbin/e-smith/no-such",
    ),
    "an action for sh that does not compile": (
        written(ACTION, "#!/bin/sh\nif true\nthen\n", 0o755),
        ACTION,
        4,
        FAILS,
        "does not compile: Syntax error: end of file unexpected",
    ),
    "an action for bash that does not compile": (
        written(ACTION, "#!/bin/bash\nx=(a b)\nfi\n", 0o755),
        ACTION,
        3,
        FAILS,
        "does not compile: syntax error near unexpected token `fi'",
    ),
    "an action in Perl that does not compile": (
        written(ACTION, "#!/usr/bin/perl -w\nuse strict;\n$x = 1;\n", 0o755),
        ACTION,
        3,
        FAILS,
        'does not compile: Global symbol "$x" requires explicit package name',
    ),
    "an action in Python that does not compile": (
        written(ACTION, "#!/usr/bin/python3\nimport os\nprint 'x'\n", 0o755),
        ACTION,
        3,
        FAILS,
        "does not compile: Missing parentheses",
    ),
    "an action without an interpreter": (written(ACTION, "true\n", 0o755), ACTION, 0, NOTE, "so /bin/sh runs it"),
    "an action that is a program": (written(ACTION, "\x7fELF\x01", 0o755), ACTION, 0, NOTE, "is a program and no text"),
    "a method that is not there": (
        written(FRAGMENT, "{\n$DB->no_such('x'); ''\n}\n"),
        FRAGMENT,
        2,
        FAILS,
        "calls esmith::ConfigDB::no_such, which this version does not have",
    ),
    "a function that is not provided": (
        written(ACTION, "#!/usr/bin/perl\nuse esmith::util;\nesmith::util::setUserPassword('a', 'b');\n", 0o755),
        ACTION,
        3,
        FAILS,
        "calls esmith::util::setUserPassword, which this version does not have: passwords",
    ),
    "a function of the original that is a typing mistake": (
        written(FRAGMENT, "{ esmith::ConfigDB->opn; '' }\n"),
        FRAGMENT,
        1,
        FAILS,
        "calls esmith::ConfigDB::opn, which",
    ),
    "a word in braces": (
        written(FRAGMENT, "a {word} here\n"),
        FRAGMENT,
        1,
        NOTE,
        "{word} is Perl, which gives the word",
    ),
    "links that are not made": (written("../../../createlinks", "#!/usr/bin/perl\n"), "", 0, NOTE, "run it in this"),
    "an init script": (
        written(ACTION, "#!/bin/sh\n/etc/init.d/nosuch stop\n", 0o755),
        ACTION,
        2,
        FAILS,
        "/etc/init.d/nosuch",
    ),
    "a migration in Jinja2": (
        written("db/configuration/migrate/x", "{{ notices }}\n"),
        "db/configuration/migrate/x",
        0,
        FAILS,
        "is Jinja2",
    ),
    "a broken migration": (
        written("db/configuration/migrate/x", "{\n  if (1 { }\n}\n"),
        "db/configuration/migrate/x",
        2,
        FAILS,
        "syntax error",
    ),
    "a default of two lines": (
        written("db/configuration/defaults/notices/x", "a\nb\n"),
        "db/configuration/defaults/notices/x",
        0,
        FAILS,
        "newline",
    ),
    "a record without a type": (
        written("db/configuration/defaults/other/x", "a\n"),
        "db/configuration/defaults/other/x",
        0,
        FAILS,
        "has no type",
    ),
    "a default at the wrong place": (
        written("db/configuration/defaults/other", "a\n"),
        "db/configuration/defaults/other",
        0,
        FAILS,
        "is not at KEY/PROPERTY",
    ),
    "the server-manager": (written("web/functions/notices", "x\n"), "web", 0, NOTE, "server-manager"),
}


@pytest.mark.parametrize(("spoil", "path", "line", "kind", "message"), SPOILT.values(), ids=SPOILT.keys())
@pytest.mark.program("Text::Template")
def test_what_is_found(root: Root, tmp_path: Path, spoil: Write, path: str, line: int, kind: str, message: str) -> None:
    """Each thing that would not work is found, with file and line, and nothing else is."""
    spoil(copied(tmp_path / "contrib"))
    layout = Layout(str(root.path))
    store = open_store(layout)
    # What becomes of events is the matter of test_trial.py.
    findings = check_contrib(str(tmp_path / "contrib"), layout, store, only=()).findings
    store.close()
    notes = [finding for finding in findings if finding.path.endswith("/templates/etc/other") and kind == FAILS]
    (found,) = [finding for finding in findings if finding not in notes]
    assert (found.path, found.line, found.kind) == (f"/etc/e-smith/{path}" if path else "/createlinks", line, kind)
    assert message in found.message


@pytest.mark.program("Text::Template")
def test_nothing_is_run(root: Root, tmp_path: Path) -> None:
    """Fragments, migrations, expressions and actions are not run."""
    base = copied(tmp_path / "contrib")
    touch = f"open my $f, '>', '{tmp_path}/ran'"
    for name in ("templates/etc/notices.conf/50x", "db/configuration/migrate/50x"):
        (base / name).write_text(f"{{ {touch}; '' }}\n")
    (base / "templates.metadata/etc/notices.conf").write_text(f"PERMS={touch}\n")
    (base / ACTION).write_text(f"#!/usr/bin/perl\n{touch};\n")
    root.esmith("contrib", "check", str(tmp_path / "contrib"))
    assert not (tmp_path / "ran").exists()
