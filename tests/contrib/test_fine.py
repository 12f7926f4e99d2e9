"""``esmith contrib check`` says nothing against what works: records of migrations, actions, calls of the original."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.contrib.check import check_contrib
from esmith.contrib.place import Finding
from esmith.contrib.verdict import Verdict
from esmith.layout import Layout
from esmith.store import open_store
from tests.commands import Root

pytestmark = pytest.mark.program("Text::Template")

#: Migrate fragments that give the record "mine" a type, as contribs write them.
MIGRATIONS = {
    "new_record": "{ $DB->new_record('mine', { type => 'service' }) unless $DB->get('mine'); }\n",
    "a key in a variable": "{ my $key = 'mine'; $DB->get($key) || $DB->new_record($key, { 'type', 'daemon' }); }\n",
    "a loop": "{ foreach my $key (qw(mine other)) { $DB->set_value($key, 'service'); } }\n",
    "set_prop": '{ $DB->set_prop("mine", "type", "service"); }\n',
    "set_prop that creates": "{ $DB->set_prop('mine', 'a', 1, type => 'service'); }\n",
    "merge_props": "{ my $r = $DB->new_record('mine'); $r->merge_props(type => 'service', a => 1); }\n",
    "a tied hash": "{ use esmith::config; tie my %c, 'esmith::config'; $c{mine} ||= 'service|a|1'; }\n",
    "a command": "{ system('/sbin/e-smith/config', 'set', 'mine', 'service'); }\n",
}


def _checked(root: Root, folder: Path, files: dict[str, str], *, rehearses: bool = False) -> Verdict:
    for name, text in files.items():
        path = folder / "root/etc/e-smith" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    layout = Layout(str(root.path))
    store = open_store(layout)
    try:
        return check_contrib(str(folder), layout, store, rehearses=rehearses)
    finally:
        store.close()


def _findings(root: Root, folder: Path, files: dict[str, str]) -> list[Finding]:
    return _checked(root, folder, files).findings


@pytest.mark.parametrize("text", MIGRATIONS.values(), ids=MIGRATIONS.keys())
def test_a_type_of_a_migration_is_a_type(root: Root, tmp_path: Path, text: str) -> None:
    """A record to which a migrate fragment of the contrib gives a type has one."""
    db = "db/configuration"
    assert _findings(root, tmp_path / "contrib", {f"{db}/migrate/10mine": text, f"{db}/defaults/mine/a": "1\n"}) == []


@pytest.mark.parametrize(
    "text",
    ["{ $DB->set_prop('another', 'type', 'service'); }\n", "# $DB->new_record('mine')\n{ $DB->get('mine'); }\n"],
    ids=["of another record", "in a comment"],
)
def test_a_migration_that_sets_no_type_gives_none(root: Root, tmp_path: Path, text: str) -> None:
    """One that sets the type of another record, or only reads this one, does not count."""
    db = "db/configuration"
    (found,) = _findings(root, tmp_path / "contrib", {f"{db}/migrate/10mine": text, f"{db}/defaults/mine/a": "1\n"})
    assert "the record mine has no type" in found.message


def test_a_stored_record_has_its_type(root: Root, tmp_path: Path) -> None:
    """A record that is stored has a type, and one of the contrib's own schema files."""
    root.config("set", "mine", "service")
    db = "db/configuration"
    files = {f"{db}/defaults/mine/a": "1\n", f"{db}/shaped.toml": 'type = "service"\n', f"{db}/force/shaped/a": "1\n"}
    assert _findings(root, tmp_path / "contrib", files) == []


def test_what_strict_allows_is_fine(root: Root, tmp_path: Path) -> None:
    """A variable that ``our`` declares, the output and what a fragment sets itself are no findings."""
    text = '{\n    use strict;\n    our $x = 1;\n    our @y;\n    push @y, $x;\n    $OUT .= "# @y\\n";\n}\n'
    assert _findings(root, tmp_path / "contrib", {"templates/etc/clamd.conf/80x": text}) == []


def test_an_engine_that_is_set_is_the_engine(root: Root, tmp_path: Path) -> None:
    """What may be Perl or Jinja2 is no finding where a template.toml of the contrib says which."""
    directory = "templates/etc/clamd.conf"
    text = "{{ DomainName }} { $DomainName }\n"
    files = {f"{directory}/80x": text, f"{directory}/template.toml": 'engine = { "80x" = "perl" }\n'}
    folder = tmp_path / "contrib"
    assert not any("may be" in one.message for one in _findings(root, folder, files))


ACTIONS = {
    "sh": "#!/bin/sh -e\ncase a in a) true;; esac\n",
    "bash": '#!/bin/bash\nx=(a b)\nwhile read -r y; do echo "$y"; done < <(echo a)\n',
    "perl -T": "#!/usr/bin/perl -wT\nuse strict;\nexit 0;\n__END__\nuse Not::This;\nesmith::util::setUserPassword()\n",
    "perl by env": "#!/usr/bin/env perl\nuse esmith::ConfigDB;\nesmith::ConfigDB->open_ro->get('a');\n",
    "python": "#!/usr/bin/python3\nx = 'a' \\\n    'b'\nprint(f'{x}')\n",
    "another interpreter": "#!/usr/bin/awk -f\nBEGIN { exit 0 }\n",
}


@pytest.mark.parametrize("text", ACTIONS.values(), ids=ACTIONS.keys())
def test_an_action_that_compiles_is_fine(root: Root, tmp_path: Path, text: str) -> None:
    """Actions for sh, bash, perl with its switches, and Python compile; others are not looked into."""
    assert _findings(root, tmp_path / "contrib", {"events/actions/mine": text}) == []


def test_no_action_is_run(root: Root, tmp_path: Path) -> None:
    """To compile an action runs nothing of it, in a rehearsal neither."""
    ran = tmp_path / "ran"
    files = {
        "events/email-update/S10sh": f"#!/bin/sh\ntouch {ran}\n",
        "events/email-update/S10perl": f"#!/usr/bin/perl\nopen my $f, '>', '{ran}';\n",
        "events/email-update/S10python": f"#!/usr/bin/python3\nopen('{ran}', 'w')\n",
        "events/email-update/S10none": f"touch {ran}\n",
    }
    verdict = _checked(root, tmp_path / "contrib", files, rehearses=True)
    assert (verdict.word, ran.exists()) == ("works", False)
