"""What is wrong in Perl fragments, and what they warn of, has a place; what is not installed has a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fragments.kit import Trees

MISTAKES = {
    "dies": ('{ die "boom" }', 1, "boom"),
    "dies, later line": ('{\n  my $x = 1;\n  die "boom";\n}', 3, "boom"),
    "dies in the second block": ('{ "" }\n\n{ die "boom" }', 3, "boom"),
    "dies without a place": ('{\n\n  die "boom\\n";\n}', 3, "boom"),
    "dies with many lines": ('{ die "one\\ntwo\\nthree\\n" }', 1, "one"),
    "dies with nothing": ("{ my $x; die }", 1, "Died"),
    "dies with a reference": ("{ die { code => 1 } }", 1, "a reference to hash"),
    "dies with an object": ("{ die bless [], 'Foo::Bar' }", 1, "an object of the class Foo::Bar"),
    "dies with an object that speaks": (
        "{ package E; use overload '\"\"' => sub { 'I am ' . $_[0]{n} }; package main; die bless { n => 7 }, 'E' }",
        1,
        "I am 7",
    ),
    "dies with an object that dies": (
        "{ package F; use overload '\"\"' => sub { die 'again' }; package main; die bless {}, 'F' }",
        1,
        "again",
    ),
    "dies in a module": ("{\n use esmith::AccountsDB;\n esmith::AccountsDB->nosuch($DB);\n}", 3, '"nosuch"'),
    "dies in a sub of its own": ("{ sub inner {\n die 'deep' }\n\n inner() . $OUT }", 2, "deep"),
    "syntax": ("{ my $x = ; }", 1, "syntax error"),
    "syntax, later line": ("fine\n{ my $a;\n my $x = (1;\n}\n", 3, "syntax error"),
    "no such function": ("fine\n{ $OUT = nosuch(1) }", 2, "Undefined subroutine &nosuch called"),
    "no such module": ("fine\n{ use No::Such::Module; '' }", 2, "Can't locate No/Such/Module.pm"),
    "strict": ("{ use strict;\n $nosuch = 1;\n}", 2, 'Global symbol "$nosuch"'),
    "no end": ("fine\n{ $DomainName\n", 2, "End of data inside program text"),
    "an end too many": ("{ $DomainName }\n}\n", 2, "Unmatched close brace"),
    "a control character": ('{ my $x; die "a\\x1b[31mred\\n" }', 1, "a\\x1b[31mred"),
    "invalid UTF-8": ('{ my $x; die "a\\xff\\n" }', 1, "a\\xff"),
    "a change of a setting": ("{ $DB->set_prop('qpsmtpd', 'DNSBL', 'x') }", 1, "a template may not change a setting"),
    "a new record": ("{\n$DB->new_record('x', { type => 'y' }) }", 2, "a template may not change a setting"),
    "a change by the old way": ("{ $confref->{DomainName} = 'x' }", 1, "a template may not change a setting"),
    "a file removed": (
        "{ use esmith::templates; processTemplate({ TEMPLATE_PATH => '/x', DELETE => 1 }) }",
        1,
        "a template may not remove a file",
    ),
}


@pytest.mark.parametrize(("fragment", "line", "says"), MISTAKES.values(), ids=MISTAKES.keys())
@pytest.mark.program("Text::Template")
def test_mistakes_have_a_place(trees: Trees, fragment: str, line: int, says: str) -> None:
    """An error names output, fragment and the line in the fragment, in one line of text, and perl is ended."""
    error = trees.mistake(fragment)
    assert error.place == f"{trees.fragment}:{line}"
    assert says in error.message
    assert "(for /t)" in error.message
    assert "\n" not in error.message
    assert error.message.isprintable()
    assert "__TEMPLATE__" not in str(error)
    assert trees.fragment not in error.message


@pytest.mark.program("Text::Template")
def test_the_other_lines_of_a_message(trees: Trees) -> None:
    """The lines of a message after the first are shown below it."""
    assert trees.mistake('{ die "one\\ntwo\\nthree\\n" }').hint == "two\n  three"


@pytest.mark.program("Text::Template")
def test_later_fragments_are_not_run(trees: Trees, tmp_path: Path) -> None:
    """After a broken block nothing of the template runs any more."""
    trees.standard("/t/20b", f"{{ $DomainName; open my $f, '>', '{tmp_path}/ran' }}")
    trees.mistake(f"{{ die 'x' if $DomainName }}{{ $DomainName; open my $f, '>', '{tmp_path}/ran' }}")
    assert not (tmp_path / "ran").exists()


WARNINGS = {
    "warn": ('{ warn "careful"; "x" }', ":1: careful"),
    "warn with a newline": ('{ "" }\n{\n  warn "careful\\n"; "x" }', ":3: careful"),
    "of perl": ('{ use warnings;\n my $u; "x$u" }', ":2: Use of uninitialized value $u in concatenation (.) or string"),
    "many lines": ('{ warn "one\\ntwo\\n"; "x" }', ":1: one; two"),
    "in a sub": ('{ sub w {\n warn "deep" }\n w(); $OUT = "x" }', ":2: deep"),
    "of a module": ("{ use List::Util;\n use Carp; carp 'here'; 'x' }", ":2: here"),
    "an unknown option": (
        "{ use esmith::templates; processTemplate({ TEMPLATE_PATH => '/inner', OUTPUT_TYPE => 'string', X => 1 }) }",
        ":1: Unknown parameter 'X' passed to processTemplate",
    ),
}


@pytest.mark.parametrize(("fragment", "says"), WARNINGS.values(), ids=WARNINGS.keys())
@pytest.mark.program("Text::Template")
def test_warnings_have_a_place(trees: Trees, fragment: str, says: str) -> None:
    """A warning is shown with fragment and line, and the file is made."""
    trees.standard("/inner", "x")
    assert trees.expand(fragment).strip() == "x"
    (warning,) = trees.render("/t").warnings
    assert warning == f"{trees.fragment}{says}"


@pytest.mark.program("Text::Template")
def test_many_warnings(trees: Trees) -> None:
    """Of a hundred thousand warnings a hundred are shown."""
    trees.expand('{ my $x; warn "number $_\\n" for 1 .. 100_000; "x" }')
    warnings = trees.render("/t").warnings
    assert len(warnings) == 101
    assert warnings[99].endswith("number 100")
    assert warnings[100].endswith("and more")


@pytest.mark.program("Text::Template")
def test_what_is_long_is_cut(trees: Trees) -> None:
    """A warning, a message, and what is printed are shown in part when they are long."""
    rendering_of = "{ my $x; warn 'w' x 1_000_000; print STDERR 'p' x 100_000; 'x' }"
    trees.expand(rendering_of)
    assert max(map(len, trees.render("/t").warnings)) < 700
    for fragment in ("{ my $x; die 'd' x 1_000_000 }", "{ my $x; print 'p' x 100_000; 'x' }"):
        error = trees.mistake(fragment)
        assert len(str(error)) < 1200


@pytest.mark.program("Text::Template")
def test_a_template_inside_that_is_missing(trees: Trees) -> None:
    """processTemplate of a template that does not exist names the fragment that asked for it."""
    call = "esmith::templates::processTemplate({ TEMPLATE_PATH => '/nosuch', OUTPUT_TYPE => 'string' })"
    error = trees.mistake(f"{{ my $r = eval {{ {call} }}; $r }}")
    assert "there is no template for /nosuch" in error.message
    assert error.place == trees.fragment


def test_missing_perl(trees: Trees, tmp_path: Path) -> None:
    """Where perl is not installed a Perl fragment is an error that names it and the Debian package; others work."""
    place = trees.standard("/t", "{ $DomainName }")
    trees.standard("/u", "{{ DomainName }}")
    trees.perl_path = str(tmp_path)
    error = trees.error("/t")
    assert error.place == str(place)
    assert "needs perl" in error.message
    assert "apt-get install perl" in error.hint
    assert trees.text("/u") == "example.com"


@pytest.mark.parametrize("module", ["", "die 'out of order';", "package Text::Template; 0;"])
@pytest.mark.program("Text::Template")
def test_missing_text_template(trees: Trees, tmp_path: Path, module: str) -> None:
    """Where Text::Template is not installed, or broken, the error names the Debian package; perl is not left behind."""
    place = trees.standard("/t", "{ $DomainName }")
    (tmp_path / "Text").mkdir()
    (tmp_path / "Text/Template.pm").write_text(module)
    wrapper = tmp_path / "perl"
    wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/perl -I{tmp_path} "$@"\n')
    wrapper.chmod(0o755)
    trees.perl_path = str(tmp_path)
    error = trees.error("/t")
    assert error.place == str(place)
    assert "Text::Template" in error.message
    assert "apt-get install libtext-template-perl" in error.hint


def test_a_perl_that_does_not_start(trees: Trees, tmp_path: Path) -> None:
    """A perl that fails at once is an error that shows what it printed."""
    trees.standard("/t", "{ $DomainName }")
    wrapper = tmp_path / "perl"
    wrapper.write_text("#!/bin/sh\necho 'no library' >&2\nexit 127\n")
    wrapper.chmod(0o755)
    trees.perl_path = str(tmp_path)
    error = trees.error("/t")
    assert "cannot be started" in error.message
    assert "no library" in error.message
    assert "127" in error.message
    wrapper.write_text("no program")
    wrapper.chmod(0o755)
    assert "cannot be started" in trees.error("/t").message


@pytest.mark.program("Text::Template")
def test_the_callers_environment_is_not_perls(trees: Trees, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """PATH, PERL5LIB and PERL5OPT of the caller do not choose what runs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PERL5LIB", str(tmp_path))
    monkeypatch.setenv("PERL5OPT", "-Mnosuch")
    assert trees.expand("{ join ',', grep { /PERL5|nosuch/ } %ENV, @INC }") == ""
