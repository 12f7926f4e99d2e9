"""Actions in Perl, run by signal-event as they are."""

from __future__ import annotations

import pytest

from esmith.errors import ExitCode
from tests.events.kit import make_event
from tests.perl.kit import Script

pytestmark = pytest.mark.program("perl")

ACTION = """\
#!/usr/bin/perl -w
use strict;
use esmith::ConfigDB;
use esmith::AccountsDB;
use esmith::event;
use esmith::templates;

my ($event, $user) = @ARGV;
my $db = esmith::ConfigDB->open or die "Couldn't open the configuration: " . esmith::DB->error;
my $accounts = esmith::AccountsDB->open or die;
die "no user\\n" unless $accounts->get($user);
my $count = ($db->get_prop('trial', 'Count') || 0) + 1;
$db->set_prop('trial', 'Count', $count, type => 'service');
$accounts->new_record("$user-home", { type => 'pseudonym', Account => $user });
processTemplate({ TEMPLATE_PATH => '/etc/try', PERMS => 0640, MORE_DATA => { user => $user } });
exit(event_signal('inner', $user) ? 0 : 1);
"""


def _install(script: Script) -> None:
    root = script.root
    root.db("accounts", "set", "bart", "user")
    root.write("/etc/e-smith/templates/etc/try/10", "{{ user }} {{ trial.Count }}\n")
    root.write("/etc/e-smith/templates/etc/try/template-begin", "")
    root.write("/etc/e-smith/templates/etc/inner/10", "count {{ trial.Count }}\n")
    root.write("/etc/e-smith/templates/etc/inner/template-begin", "")
    make_event(root.path, "outer", actions={"S20try": ACTION})
    inner = "#!/usr/bin/perl -w\nuse esmith::ConfigDB;\nesmith::ConfigDB->open->set_prop('trial', 'Inner', $ARGV[1]);\n"
    make_event(root.path, "inner", templates="/etc/inner\n", actions={"S20inner": inner})


def test_an_action_in_perl(script: Script) -> None:
    """It reads and writes databases, makes a record, expands a template and signals another event, all in one event."""
    _install(script)
    script.root.signal("outer", "bart")
    assert script.root.config("getprop", "trial", "Count").out == "1\n"
    assert script.root.config("getprop", "trial", "Inner").out == "bart\n"
    assert script.root.db("accounts", "get", "bart-home").out == "pseudonym|Account|bart\n"
    assert script.root.read("/etc/try") == "bart 1\n"
    assert script.root.file("/etc/try").stat().st_mode & 0o777 == 0o640
    assert script.root.read("/etc/inner") == "count 1\n"
    journal = script.root.esmith("history", "--limit", "3").out
    assert "/etc/e-smith/events/outer/S20try" in journal
    assert "/etc/e-smith/events/inner/S20inner" in journal


TEMPLATES = """\
#!/usr/bin/perl -w
use strict;
use esmith::templates qw(processTemplate removeBlankLines);
my %try = (TEMPLATE_PATH => '/etc/try', MORE_DATA => { user => $ARGV[1] });
processTemplate({ %try, FILTER => \\&removeBlankLines });
processTemplate({ %try, OUTPUT_PREFIX => '/var/jail', FILTER => sub { $_[0] =~ /plain/ ? "" : uc $_[0] } });
processTemplate({ TEMPLATE_PATH => '/etc/inner', OUTPUT_PREFIX => '/var/jail', OUTPUT_FILENAME => '/other' });
processTemplate({ TEMPLATE_PATH => '/etc/inner', DELETE => 1 });
processTemplate({ TEMPLATE_PATH => '/etc/inner', OUTPUT_PREFIX => '/var/jail', DELETE => 1 });
processTemplate({ TEMPLATE_PATH => '/etc/inner', OUTPUT_FILENAME => '/var/gone', DELETE => 1 });
"""


def test_templates_of_an_action(script: Script) -> None:
    """FILTER, OUTPUT_PREFIX, OUTPUT_FILENAME and DELETE do in an event what they do in a script of its own."""
    _install(script)
    root = script.root
    root.config("set", "trial", "service", "Count", "3")
    root.write("/etc/e-smith/templates/etc/try/20", "\n  \nplain\n")
    for path in ("/etc/inner", "/var/jail/etc/inner", "/var/gone", "/var/jail/kept"):
        root.write(path, "old\n")
    make_event(root.path, "outer", actions={"S20try": TEMPLATES})
    root.signal("outer", "bart")
    assert root.read("/etc/try") == "bart 3\nplain\n"
    assert root.read("/var/jail/etc/try") == "BART 3\n  \n"
    assert root.read("/var/jail/other") == "count 3\n"
    assert root.read("/var/jail/kept") == "old\n"
    for path in ("/etc/inner", "/var/jail/etc/inner", "/var/gone"):
        assert not root.file(path).exists()
    assert root.file("/etc/e-smith/templates/etc/inner/10").exists()


def test_an_action_that_dies_fails_the_event(script: Script) -> None:
    """What it died of is shown; the actions after it do not run."""
    _install(script)
    make_event(script.root.path, "outer", actions={"S30later": "touch $ESMITH_ROOT/later"})
    answer = script.root.signal("outer", "moe", code=ExitCode.ACTION)
    assert "no user" in answer.err
    assert not script.root.file("/later").exists()


def test_a_refused_value_fails_the_event(script: Script) -> None:
    """A write that nobody checks is not lost silently: the action dies of it, with the line."""
    body = "#!/usr/bin/perl\nuse esmith::ConfigDB;\nesmith::ConfigDB->open->set_prop('qpsmtpd', 'DNSBL', 'maybe');\n"
    make_event(script.root.path, "try", actions={"S20bad": body})
    answer = script.root.signal("try", code=ExitCode.ACTION)
    assert "'maybe' is not one of enabled, disabled" in answer.err
    assert "S20bad line 3." in answer.err


def test_an_inner_event_that_fails_is_reported(script: Script) -> None:
    """event_signal returns 0 then, so the action can say so."""
    body = "#!/usr/bin/perl\nuse esmith::event;\nprint 'inner gave ', event_signal('inner', 'x'), \"\\n\";\n"
    make_event(script.root.path, "outer", actions={"S20x": body})
    make_event(script.root.path, "inner", actions={"S20y": "exit 3"})
    script.root.signal("outer")
    assert "inner gave 0" in script.root.read("/var/log/e-smith/events.log")


def test_the_search_path_of_the_caller_does_not_count(script: Script) -> None:
    """Modules are not searched in PERL5LIB of the caller, who may be somebody else than root by way of sudo."""
    script.root.write("/mine/Mine.pm", "package Mine; sub name { 'mine' } 1;\n")
    found = "eval 'use Mine; 1' || 'no'"
    body = f"#!/usr/bin/perl\nuse esmith::ConfigDB;\nesmith::ConfigDB->open->set_value('Whose', {found});\n"
    make_event(script.root.path, "try", actions={"S20x": body})
    script.root.run("signal-event", "try", env={"PERL5LIB": str(script.root.file("/mine"))})
    assert script.root.config("get", "Whose").out == "no\n"


def test_a_name_that_is_no_event(script: Script) -> None:
    """ "actions" is a directory of actions, not an event: a warning and undef, as in the original."""
    answer = script.run("use esmith::event; show(scalar event_signal('actions'));")
    assert answer.out == "undef\n"
    assert "'actions' is not a valid event name" in answer.err
