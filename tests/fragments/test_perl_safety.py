"""What a Perl fragment may do to its process: the engine goes on or says clearly what happened, and perl is gone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from esmith.fragments.perl.process import PRINTED_BYTES, PerlProcess
from tests.fragments.kit import Trees

pytestmark = pytest.mark.program("Text::Template")

#: Fragments that end perl or have to be ended, and what the error says.
DEADLY = {
    "loops without end": ("{ 1 while 1 }", "did not end within 1 s"),
    "loops, deaf to signals": ("{ $SIG{$_} = 'IGNORE' for keys %SIG; 1 while 1 }", "did not end within 1 s"),
    "loops, asking the engine": ("{ $DB->get_prop('qpsmtpd', 'DNSBL') while 1 }", "did not end within 1 s"),
    "stops itself": ("{ kill STOP => $$ }", "did not end within 1 s"),
    "sleeps": ("{ sleep 1000 }", "did not end within 1 s"),
    "exits": ("{ exit 3 }", "exit status 3"),
    "exits as if all was well": ("{ exit }", "exit status 0"),
    "exits inside eval": ("{ eval { exit 4 }; 'x' }", "exit status 4"),
    "leaves at once": ("{ use POSIX; POSIX::_exit(5) }", "exit status 5"),
    "kills itself": ("{ kill KILL => $$; sleep 9 }", "signal 9"),
    "kills its group": ("{ kill KILL => -getpgrp; sleep 9 }", "signal 9"),
    "becomes another program": ("{ exec 'true' }", "exit status 0"),
    "becomes another program that stays": ("{ exec 'sleep', 1000 }", "closed the handles"),
    "closes its handles by number": ("{ use POSIX; POSIX::close($_) for 0 .. 255; 'x' }", "closed the handles"),
    "closes the engine's and loops": ("{ use POSIX; POSIX::close($_) for 3 .. 255; 1 while 1 }", "closed the handles"),
    # The numbers of the engine's pipes are those of this process, which may have many files open.
    "writes to every handle": (
        "{ for (3 .. 999) { open my $f, '>&', $_ or next; syswrite $f, qq(garbage\\n) } 'x' }",
        "cannot be used",
    ),
    "pretends to answer": (
        "{ for (3 .. 999) { open my $f, '>&', $_ or next; syswrite $f, qq(999999999\\n) } 'x' }",
        "cannot be used",
    ),
    "prints without end": ("{ print 'x' x 1000 while 1 }", f"prints more than {PRINTED_BYTES} bytes"),
    "prints 100 MB": ("{ print 'x' x 100_000_000; 'x' }", f"prints more than {PRINTED_BYTES} bytes"),
    "complains without end": ("{ print STDERR 'x' x 1000 while 1 }", f"prints more than {PRINTED_BYTES} bytes"),
    "gives 100 MB": ("{ 'x' x 100_000_000 }", "gives more than"),
    "takes all memory": ("{ my $x = 'x' x 8_000_000_000; length $x }", "ended perl"),
    "an alarm": ("{ alarm 1; 1 while 1 }", "signal 14"),
}

#: Fragments that end well and are still wrong, and what the error says.
WRONG = {
    "forks": ("{ my $p = fork; $p ? 'x' : 'child' }", "forks, and the other process goes on as well"),
    "forks, and waits": ("{ my $p = fork; waitpid $p, 0 if $p; 'x' }", "forks, and the other process goes on as well"),
    "forks twice": ("{ fork; fork; 'x' }", "forks, and the other process goes on as well"),
    "leaves a program": ("{ my $p = fork; exec 'sleep', 1000 unless $p; 'x' }", "leaves a process running (sleep)"),
    "leaves a pipe": ("{ open PIPE, 'sleep 1000 |'; 'x' }", "leaves a process running (sleep)"),
    "prints": ("{ print qq(one\ntwo\n); 'x' }", "prints 'one'"),
    "a program prints": ("{ system 'echo one'; 'x' }", "prints 'one'"),
    "invalid UTF-8": (r"{ qq(a\nb \xff\xfe\x80\n) }", r"gives bytes that are not UTF-8: 'b \xff\xfe\x80'"),
    "half a character": ("{ substr 'ä', 0, 1 }", r"gives bytes that are not UTF-8: '\xc3'"),
}

#: Fragments that are harmless after all, and what they give.
HARMLESS = {
    "forks, and the child exits": ("{ my $p = fork; exit 3 unless $p; waitpid $p, 0; $? >> 8 }", b"3"),
    "closes the standard handles": ("{ close STDIN; close STDOUT; close STDERR; 'x' }", b"x"),
    "closes them by number": ("{ use POSIX; POSIX::close($_) for 0 .. 2; 'x' }", b"x"),
    "prints elsewhere": ("{ select STDERR; 'x' }", b"x"),
    "has other separators": ("{ ($/, $\\, $,, $\", $;, $|) = (undef, '!', '-', '+', '', 1); 'x' }", b"x"),
    "a handler of warnings": ("{ $SIG{__WARN__} = sub { }; warn 'a'; 'x' }", b"x"),
    "dies inside eval": ("{ eval { die 'a' }; $@ =~ /^a at .*10a line 1/ ? 'x' : $@ }", b"x"),
    "redefines": ("{ BEGIN { *CORE::GLOBAL::sysread = *CORE::GLOBAL::syswrite = sub { 0 } } 'x' }", b"x"),
    "no such directory": (
        "{ mkdir '/tmp/esmith-gone'; chdir '/tmp/esmith-gone'; rmdir '/tmp/esmith-gone'; 'x' }",
        b"x",
    ),
    "reads standard input": ("{ defined <STDIN> ? 'something' : 'x' }", b"x"),
    "an alarm that is forgotten": ("{ alarm 1; 'x' }{ select undef, undef, undef, 0.01; '' }", b"x"),
    "a program at the other end of a pipe": ("{ open PIPE, 'echo x; sleep 0.1 |'; chomp(my $x = <PIPE>); $x }", b"x"),
}


def _is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


@pytest.mark.parametrize(("fragment", "says"), DEADLY.values(), ids=DEADLY.keys())
def test_deadly_fragments(trees: Trees, perls: list[PerlProcess], fragment: str, says: str) -> None:
    """A fragment that takes perl with it is an error that says how and names the fragment; perl is gone."""
    if "did not end" in says:
        trees.seconds = 1.0
    trees.perl()
    error = trees.mistake(f"before\n{fragment}\nafter\n")
    assert says in error.message
    assert "(for /t)" in error.message
    assert error.place == trees.fragment
    assert len(perls) == 1
    assert _is_gone(perls[0].pid)


@pytest.mark.parametrize(("fragment", "gives"), HARMLESS.values(), ids=HARMLESS.keys())
def test_harmless_fragments(trees: Trees, perls: list[PerlProcess], fragment: str, gives: bytes) -> None:
    """What does not hinder the engine is done, and the next output of the same perl is made as if nothing had been."""
    trees.standard("/t/template-begin")
    trees.standard("/t/10a", fragment)
    trees.standard("/t/20b", "{{ DomainName }}{ $DomainName }")
    trees.standard("/t/30c", "{ $DomainName }")
    trees.standard("/t/template.toml", '[engine]\n10a = "perl"\n20b = "jinja2"\n30c = "perl"\n')
    trees.standard("/u", "{ use Cwd; join '.', Cwd::getcwd(), umask, $,, $\\, $0 }")
    with trees.renderer() as renderer:
        (first,) = renderer.render("/t")
        (second,) = renderer.render("/u")
    assert first.content == gives + b"example.com{ $DomainName }example.com"
    with trees.renderer() as renderer:
        (fresh,) = renderer.render("/u")
    assert second.content == fresh.content
    assert second.content.startswith(b"/.18.")
    assert len(perls) == 2
    assert all(_is_gone(perl.pid) for perl in perls)


def test_what_a_fragment_does_to_the_process_ends_with_the_output(trees: Trees, perls: list[PerlProcess]) -> None:
    """Directory, umask, environment, signals, separators and @INC are as new for the next output of the same perl."""
    look = '{ use Cwd; $OUT = join \'|\', Cwd::getcwd(), umask, $0, "@INC", map { "$_=$ENV{$_}" } sort keys %ENV;'
    look += ' $OUT .= join "|", map { "$_=$SIG{$_}" } grep { $SIG{$_} && !/^__/ } sort keys %SIG }'
    trees.standard("/before", look)
    spoil = "{ chdir '/tmp'; umask 0; $0 = 'mine'; unshift @INC, '/x'; $ENV{X} = 1; delete $ENV{PATH};"
    trees.standard("/spoil", spoil + " $SIG{USR1} = $SIG{ALRM} = sub { 1 }; ($, , $\\) = (1, 2); '' }")
    trees.standard("/after", look)
    with trees.renderer() as renderer:
        before, _, after = (next(renderer.render(path)) for path in ("/before", "/spoil", "/after"))
    assert before.content == after.content
    assert b"PATH=" in before.content
    assert len(perls) == 1


def test_what_perl_may_use(trees: Trees) -> None:
    """Perl may use 1 GiB of memory and compute for an hour, and leaves no image of itself when it crashes."""
    trees.perl()
    limits = trees.expand("{ open my $f, '<', '/proc/self/limits'; join '', grep { /cpu|data|core/ } <$f> }")
    rows = [line.split() for line in limits.splitlines()]
    assert {row[1]: int(row[-3]) for row in rows} == {"cpu": 3600, "data": 1_073_741_824, "core": 0}


@pytest.mark.parametrize(("fragment", "says"), WRONG.values(), ids=WRONG.keys())
def test_wrong_fragments(trees: Trees, perls: list[PerlProcess], fragment: str, says: str) -> None:
    """A fragment whose output would not be what was meant is an error that names it; nothing of it runs on."""
    trees.perl()
    error = trees.mistake(f"before\n{fragment}\nafter\n")
    assert says in error.message
    assert "(for /t)" in error.message
    assert error.place.partition(":")[0] == trees.fragment
    assert len(perls) == 1
    assert _is_gone(perls[0].pid)


def test_what_is_complained_of_is_a_warning(trees: Trees) -> None:
    """What a fragment or a program it calls prints to standard error is shown with the fragment."""
    trees.perl()
    trees.standard("/t/template-begin")
    trees.standard("/t/10a", '{ print STDERR "one\n"; system "echo two >&2"; "x" }\n')
    rendering = trees.render("/t")
    assert rendering.content == b"x\n"
    assert set(rendering.warnings) == {f"{trees.fragment}: one", f"{trees.fragment}: two"}


def test_a_fragment_that_is_not_utf8_gives_its_bytes(trees: Trees) -> None:
    """What was written in another encoding comes out as it was written, also by way of another template."""
    trees.standard("/t/template-begin")
    trees.custom("/t/10a", b"{ 'M\xfcnchen' }\n")
    trees.standard("/inner", b"K\xf6ln { 1 + 1 }\n")
    trees.standard(
        "/t/20b",
        "{ use esmith::templates;"
        " esmith::templates::processTemplate({ TEMPLATE_PATH => '/inner', OUTPUT_TYPE => 'string' }) }",
    )
    trees.standard("/t/template.toml", 'engine = "perl"\n')
    trees.standard("/template.toml", 'engine = "perl"\n')
    assert trees.render("/t").content == b"M\xfcnchen\nK\xf6ln 2\n"


def test_files_that_took_the_numbers_of_the_engine(trees: Trees, tmp_path: Path) -> None:
    """A fragment closes the engine's pipes and opens files, which get their numbers: nothing is written into them."""
    trees.perl()
    opens = f"my @f; for (1 .. 99) {{ open $f[$_], '+>', '{tmp_path}/victim' . $_ }}"
    error = trees.mistake(f"{{ use POSIX; POSIX::close($_) for 3 .. 255; {opens} 'x' }}")
    assert "closed the handles" in error.message
    victims = list(tmp_path.glob("victim*"))
    assert len(victims) == 99
    assert {victim.read_bytes() for victim in victims} == {b""}


def test_children_are_ended_with_perl(trees: Trees, perls: list[PerlProcess], tmp_path: Path) -> None:
    """A program that a fragment left running does not keep the event waiting, and is ended with perl."""
    trees.perl()
    note = tmp_path / "pid"
    left = f"{{ my $p = fork; exec 'sleep', 1000 unless $p; open my $f, '>', '{note}'; print $f $p; 'x' }}"
    assert "leaves a process running" in trees.mistake(left).message
    pid = int(note.read_text())
    deadline = time.monotonic() + 60
    while not _is_gone(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert _is_gone(pid)
    assert _is_gone(perls[0].pid)


def test_nobody_keeps_the_pipes(trees: Trees) -> None:
    """Neither perl nor its end leaves a file descriptor open in this process."""
    trees.standard("/t", "{ $DomainName }")
    trees.standard("/u", "{ exit }")
    trees.standard("/template.toml", 'engine = "perl"\n')
    before = len(os.listdir("/proc/self/fd"))
    trees.text("/t")
    trees.error("/u")
    assert len(os.listdir("/proc/self/fd")) == before
