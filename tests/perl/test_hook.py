"""$esmith::backend::CALL: the modules in a process that has the databases at hand, as that of the fragments."""

from __future__ import annotations

import pytest

from tests.perl.kit import Script

pytestmark = pytest.mark.program("perl")

HOOK = """
use esmith::backend; our @asked; our %answer = (exists => [1], prop => ['value'], template => ["one\\n\\ntwo\\n"]);
$ENV{ESMITH_PERL_SERVER} = '/no/such/server';
$esmith::backend::CALL = sub { push @asked, [@_]; my $name = shift; @{ $answer{$name} || die "no $name\\n" } };
use esmith::ConfigDB; my $db = esmith::ConfigDB->open;
"""


def test_calls_go_to_the_hook(script: Script) -> None:
    """Operation and arguments are handed over as they are, no process is started, and the results come back."""
    code = "show($db->get_prop('a', 'b')); show(map { ref ? @$_ : $_ } @asked);"
    file = "</home/e-smith/db/configuration>"
    assert script.shown(HOOK + code) == ["<value>", f"<exists> {file} <prop> {file} <a> <b>"]


def test_an_error_of_the_hook_has_the_line_of_the_script(script: Script) -> None:
    """What the hook dies of is shown with the place that called the module; an object passes as it is."""
    answer = script.run(HOOK + "\n\n$db->set_prop('a', 'b', 1);\n", status=None)
    assert "no set_props at" in answer.err
    assert "script.pl line 8." in answer.err
    code = "$esmith::backend::CALL = sub { die bless {}, 'Mine' }; eval { $db->get_prop('a', 'b') }; show(ref $@);"
    assert script.shown(HOOK + code) == ["<Mine>"]


def test_a_template_is_expanded_with_any_data(script: Script) -> None:
    """Within fragments MORE_DATA may hold references, and FILTER is applied to the text."""
    code = """
        use esmith::templates 'removeBlankLines', 'processTemplate'; my $list = [1, 2];
        print processTemplate({ TEMPLATE_PATH => '/x', OUTPUT_TYPE => 'string', MORE_DATA => { l => $list },
            FILTER => \\&removeBlankLines });
        show($asked[-1][0], $asked[-1][1], $asked[-1][2], $asked[-1][3] == $list ? 'same' : 'other');
    """
    assert script.shown(HOOK + code) == ["one", "two", "<template> </x> <l> <same>"]


@pytest.mark.parametrize(
    "call",
    [
        "use esmith::event; event_signal('x');",
        "use esmith::templates; processTemplate({ TEMPLATE_PATH => '/x', DELETE => 1 });",
        "use esmith::util; esmith::util::serviceControl(NAME => 'x', ACTION => 'start');",
        "$db->migrate;",
    ],
)
def test_fragments_change_nothing(script: Script, call: str) -> None:
    """Events, removed files, services and migrations are for actions: within fragments these calls die."""
    assert "a template may" in script.run(HOOK + call, status=None).err
