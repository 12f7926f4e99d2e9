"""Perl fragments in events: one perl for all, nothing is touched when one is broken, nothing is left behind."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from esmith.errors import ExitCode, TemplateError
from esmith.fragments.perl import engine
from esmith.fragments.perl.process import PerlProcess
from tests.commands import Root
from tests.events.kit import Scene, eventually, look_at_files, make_old

pytestmark = pytest.mark.program("Text::Template")


def _perls_under(root: Root) -> list[str]:
    """Return the processes that were started for a root's fragments, and live."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            name = (process / "comm").read_text().strip()
        except OSError:
            continue
        if b"ESMITH_ROOT=" + os.fsencode(root.path) in environment and name in ("perl", "sleep"):
            found.append(process.name)
    return found


def _nothing_is_left_under(root: Root) -> None:
    """Wait until no such process lives; a killed child is not ours to wait for, so it may be seen for a moment."""
    eventually(lambda: not _perls_under(root), "the end of what the fragment started")


def test_one_perl_for_an_event(scene: Scene, perls: list[PerlProcess]) -> None:
    """All Perl fragments of all templates of an event cost one perl, which ends with the expansion."""
    scene.set("configuration", "Name", "value")
    for number in range(5):
        scene.template(f"/etc/perl{number}", "{ $Name } in { $EVENT }\n")
        scene.template(f"/etc/jinja{number}", "{{ Name }}\n")
    scene.event(templates="/etc/perl*\n/etc/jinja*\n")
    result = scene.signal()
    assert len(result.plan.changed) == 10
    assert (scene.path / "etc/perl3").read_text() == "value in try\n"
    assert len(perls) == 1


def test_no_perl_for_an_event_without(scene: Scene, perls: list[PerlProcess]) -> None:
    """An event whose templates have no Perl starts none."""
    scene.template("/etc/a", "{{ 1 + 1 }}\n")
    scene.template("/etc/b", "server { listen 80; }\n")
    scene.event(templates="/etc/a\n/etc/b\n")
    scene.signal()
    assert perls == []


def test_perl_is_expanded_every_time(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """An output with a Perl fragment is never taken from memory: Perl may look at anything."""
    # The files of a test are as young as the test.
    monkeypatch.setattr("esmith.plan.seen.TRUSTED_AGE_NS", -(10**18))
    looked_at = scene.path / "looked-at"
    scene.template("/etc/a", f"{{ my $f; open $f, '<', '{looked_at}'; <$f> }}\n")
    scene.template("/etc/b", "constant\n")
    scene.event(templates="/etc/a\n/etc/b\n")
    looked_at.write_text("old")
    scene.signal()
    looked_at.write_text("new")
    result = scene.signal()
    assert (scene.path / "etc/a").read_text() == "new\n"
    assert [output.path for output in result.plan.changed] == ["/etc/a"]
    assert [output.rendering.recalled for output in result.plan.outputs] == [False, True]


def test_metadata_in_perl_is_evaluated_every_time(scene: Scene, perls: list[PerlProcess]) -> None:
    """An output whose metadata only perl can work out is never taken from memory; one with plain values may be."""
    private = scene.path / "private"
    metadata = scene.path / "etc/e-smith/templates.metadata/etc"
    metadata.mkdir(parents=True)
    (metadata / "a").write_text(f"PERMS=-e '{private}' ? 0600 : 0644\n")
    (metadata / "b").write_text("PERMS=0640\n")
    scene.template("/etc/a", "constant\n")
    scene.template("/etc/b", "constant\n")
    scene.event(templates="/etc/a\n/etc/b\n")
    make_old(scene.path)
    scene.signal()
    private.touch()
    result = scene.signal()
    assert (scene.path / "etc/a").stat().st_mode & 0o777 == 0o600
    assert (scene.path / "etc/b").stat().st_mode & 0o777 == 0o640
    assert [output.path for output in result.plan.changed] == ["/etc/a"]
    assert [output.rendering.recalled for output in result.plan.outputs] == [False, True]
    assert len(perls) == 2


DEADLY = {
    "loops without end": "{ my $x; 1 while 1 }",
    "exits": "{ my $x; exit 0 }",
    "forks": "{ my $p = fork; $p ? 'parent' : 'child' }",
    "prints": "{ my $x = 'x'; print $x; $x }",
    "gives invalid UTF-8": "{ my $x = chr 255; $x }",
    "forks and loops": "{ my $p = fork; 1 while 1 }",
    "leaves a child and dies": "{ my $p = fork; exec 'sleep', 1000 unless $p; die 'enough' }",
    "closes its handles": "{ use POSIX; my $x; POSIX::close($_) for 0 .. 255; 'x' }",
    "prints 100 MB": "{ my $x = 'x' x 100_000_000; print $x; '' }",
    "gives 100 MB": "{ my $x = 'x' x 100_000_000; $x }",
    "dies with an object": "{ my $x; die bless {}, 'Foo' }",
    "kills itself": "{ my $x; kill KILL => $$ }",
}


@pytest.mark.parametrize("fragment", DEADLY.values(), ids=DEADLY.keys())
def test_a_deadly_fragment_in_an_event(scene: Scene, monkeypatch: pytest.MonkeyPatch, fragment: str) -> None:
    """A fragment that takes perl with it stops the event before any file is touched; the other files stay as well."""
    monkeypatch.setattr(engine, "Perl", partial(engine.Perl, seconds=1.0))
    scene.template("/etc/a", "old\n")
    scene.template("/etc/b", "{ my $x = 'old'; $x }\n")
    scene.event(templates="/etc/a\n/etc/b\n", actions={"S95late": 'touch "$ESMITH_ROOT/late"'})
    scene.signal()
    (scene.path / "late").unlink()
    scene.template("/etc/a", "new\n")
    scene.template("/etc/b", f"{fragment}\n")
    with pytest.raises(TemplateError) as caught:
        scene.signal()
    assert caught.value.exit_code == ExitCode.TEMPLATE
    assert caught.value.place.startswith(scene.trees.fragment.replace("/t/", "/etc/b/"))
    assert "(for /etc/b)" in caught.value.message
    assert (scene.path / "etc/a").read_text() == "old\n"
    assert (scene.path / "etc/b").read_text() == "old\n"
    assert not (scene.path / "late").exists()
    _nothing_is_left_under(Root(scene.path))


def test_a_deadly_fragment_at_the_command(root: Root) -> None:
    """The commands exit with 4, name fragment and output, and leave no file changed and no process behind."""
    root.custom("/etc/a/10a", "{ my $p = fork; exec 'sleep', 1000 unless $p; exit 3 }\n")
    before = look_at_files(root, besides=("/home/e-smith/db/", "/var/lib/e-smith/"))
    for words in (["/etc/a"], ["--dry-run", "/etc/a"], ["--explain", "/etc/a"]):
        answer = root.expand(*words, code=ExitCode.TEMPLATE)
        assert "/etc/a/10a: ended perl with the exit status 3 (for /etc/a)" in answer.err
        assert answer.out == ""
    assert look_at_files(root, besides=("/home/e-smith/db/", "/var/lib/e-smith/")) == before
    _nothing_is_left_under(root)


def test_the_engine_is_explained(root: Root) -> None:
    """--explain shows that a fragment is Perl, why, and what it read."""
    root.custom("/etc/a/10a", "port { $qpsmtpd{DNSBL} } { $DB->get_prop('clamd', 'status') }\n")
    lines = [line.split() for line in root.expand("--explain", "/etc/a").out.splitlines()]
    assert ["10a", "templates-custom", "perl", "(has", "'$qpsmtpd{DNSBL}'", "in", "braces)"] in lines
    reads = [line for line in lines if line[0] in ("reads", "lists")]
    assert reads == [["reads", "configuration", "clamd", "status"], ["reads", "configuration", "qpsmtpd", "DNSBL"]]


def test_the_place_decides_what_a_brace_is(root: Root) -> None:
    """After esmith init it is known what is shipped: a brace is text beside shipped fragments, and Perl elsewhere."""
    text = "LogFormat %{Referer}i x\n"
    root.custom("/etc/httpd/conf/httpd.conf/99x", text)
    root.custom("/etc/logrotate.d/contrib/10x", text)
    shown = root.expand("--explain", "/etc/httpd/conf/httpd.conf").out.splitlines()
    (line,) = (line for line in shown if line.split()[0] == "99x")
    assert line.split(None, 2)[2] == "text    (has nothing to expand)"
    root.expand("/etc/httpd/conf/httpd.conf")
    assert text in root.read("/etc/httpd/conf/httpd.conf")
    shown = root.expand("--explain", "/etc/logrotate.d/contrib").out.splitlines()
    (line,) = (line for line in shown if line.split()[0] == "10x")
    assert line.split(None, 2)[2] == "perl    (has { in a directory that is not shipped)"
    root.expand("/etc/logrotate.d/contrib")
    assert root.read("/etc/logrotate.d/contrib").endswith("LogFormat %Refereri x\n")


def test_a_broken_perl_fragment_is_seen_in_a_dry_run(root: Root) -> None:
    """A dry run has no side effects even in Perl: a write to the databases is refused, and nothing is changed."""
    root.custom("/etc/a/10a", "{ $DB->set_prop('qpsmtpd', 'DNSBL', 'enabled'); '' }\n")
    revision = root.esmith("history").out
    answer = root.expand("--dry-run", "/etc/a", code=ExitCode.TEMPLATE)
    assert "a template may not change a setting" in answer.err
    assert root.esmith("history").out == revision
