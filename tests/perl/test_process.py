"""The process that serves a script: it comes with the first call, goes with the script, and loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.perl.protocol import encode
from esmith.store import open_store
from esmith.store.model import Author
from tests.commands import TIMEOUT_SECONDS
from tests.perl.kit import Script

pytestmark = pytest.mark.program("perl")

USE = "use esmith::ConfigDB; my $db = esmith::ConfigDB->open('zoo');\n"


def _servers(script: Script) -> list[int]:
    """Return the processes that serve scripts of this root."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if f"{script.root.path}/sbin/e-smith/esmith-perl-server".encode() in words:
                found.append(int(entry.name))
    return found


def _wait_for_none(script: Script) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while _servers(script):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def _nothing_stays(script: Script) -> Iterator[None]:
    """No server outlives its script."""
    yield
    _wait_for_none(script)


def test_loading_the_modules_starts_nothing(script: Script) -> None:
    """The server comes with the first question: a script that asks nothing pays nothing."""
    code = "use esmith::ConfigDB; use esmith::AccountsDB; use esmith::util; use esmith::templates; use esmith::event;\n"
    code += "$ENV{ESMITH_PERL_SERVER} = '/no/such/server'; show('fine');"
    assert script.shown(code) == ["<fine>"]


def test_the_server_imports_what_it_needs(script: Script) -> None:
    """Reading and writing needs neither click nor jinja2; a template needs jinja2, when it is asked for."""
    script.root.write("/etc/e-smith/templates/etc/try/10", "{{ DomainName }}\n")
    requests = {
        "store": [[b"exists", b"zoo"], [b"prop", b"zoo", b"Foo", b""], [b"set_type", b"zoo", b"Foo", b"x"]],
        "template": [[b"template", b"/etc/try"]],
    }
    found = {}
    for name, messages in requests.items():
        done = subprocess.run(
            [sys.executable, "-IS", "-X", "importtime", str(script.root.path / "sbin/e-smith/esmith-perl-server"), "x"],
            input=b"".join(encode(message) for message in messages),
            capture_output=True,
            env=script.environment(),
            timeout=TIMEOUT_SECONDS,
            check=True,
        )
        assert done.stdout.count(b"done") == len(messages), done
        modules = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
        found[name] = modules & {"click", "jinja2", "lmdb", "esmith.events.expand"}
    assert found == {"store": {"lmdb"}, "template": {"lmdb", "jinja2"}}


def test_a_server_that_cannot_be_started_is_named(script: Script) -> None:
    """open fails with the reason in error; another call dies of it."""
    code = "$ENV{ESMITH_PERL_SERVER} = '/no/such/server'; use esmith::ConfigDB;"
    assert script.shown(code + "show(scalar esmith::ConfigDB->open, esmith::DB->error =~ /(.*directory)/);") == [
        "undef </no/such/server cannot be started: No such file or directory>"
    ]


def test_a_root_without_databases_is_an_error(script: Script) -> None:
    """open fails with the reason and the cure."""
    code = "use esmith::ConfigDB; show(scalar esmith::ConfigDB->open, esmith::DB->error =~ /there are no databases/g);"
    (script.root.path / "home/e-smith/db/data.mdb").rename(script.root.path / "home/e-smith/db/away")
    assert script.shown(code) == ["undef <there are no databases>"]


def test_many_calls_have_one_server(script: Script) -> None:
    """All databases of a script are served by one process, which a child of the script does not see as its own."""
    code = """
        use esmith::AccountsDB; esmith::AccountsDB->open; $db->get('Foo') for 1 .. 20;
        opendir my $proc, '/proc'; my $count = 0;
        for my $pid (grep { /^[0-9]+$/ } readdir $proc) {
            open my $file, '<', "/proc/$pid/cmdline" or next;
            $count++ if (<$file> // '') =~ m{\\Q$ENV{ESMITH_ROOT}/sbin/e-smith/esmith-perl-server\\E};
        }
        show($count, wait);
    """
    assert script.shown(USE + code) == ["<1> <-1>"]


def test_a_script_that_forks(script: Script) -> None:
    """Parent and child each read and write on, at the same time, and the parent's pipe stays the parent's."""
    code = """
        my @children;
        for my $n (1 .. 3) {
            my $pid = fork; push @children, $pid and next if $pid;
            count("c$n"); exit 0;
        }
        count('p');
        sub count {
            for my $name (map { "$_[0]-$_" } 1 .. 20) {
                $db->set_prop('Squid', $name, $name);
                die unless $db->get_prop('Squid', $name) eq $name;
            }
        }
        show(map { waitpid $_, 0; $? } @children);
        show(scalar grep { /^[cp]/ } keys %{ { $db->get('Squid')->props } });
    """
    assert script.shown(USE + code) == ["<0> <0> <0>", "<80>"]


def test_a_child_that_stays_does_not_keep_the_server(script: Script) -> None:
    """When the script ends its server ends, though a child that it forked still has the pipe."""
    # The root may be removed before the child looks for the file.
    wait = 'my $r = $ENV{ESMITH_ROOT}; sleep 1 until -e "$r/end" || !-d $r'
    code = f"if (!fork) {{ close STDOUT; close STDERR; {wait} }} show('parent');"
    assert script.shown(USE + code) == ["<parent>"]
    _wait_for_none(script)
    script.root.write("/end", "")


def test_a_killed_script_takes_its_server_with_it(script: Script) -> None:
    """What the script had written is there; what it had not begun is not; nothing hangs."""
    path = script.file(USE + "$db->set_prop('Squid', 'before', 1); print \"ready\\n\"; $| = 1; print ''; sleep 600;")
    process = subprocess.Popen([script.perl, str(path)], env=script.environment(), stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGKILL)
    process.wait(TIMEOUT_SECONDS)
    process.stdout.close()
    _wait_for_none(script)
    assert script.root.db("zoo", "getprop", "Squid", "before").out == "1\n"


def test_a_killed_server_is_an_error_and_then_another_is_started(script: Script) -> None:
    """The call that finds it gone dies; the next one goes on with a new server."""
    code = "show('ready'); <STDIN>; eval { $db->get('Foo') }; print $@; show($db->get_value('Foo'));"
    path = script.file(f"$| = 1; {USE}{code}")
    process = subprocess.Popen(
        [script.perl, str(path)], env=script.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"<ready>\n"
    os.kill(_servers(script)[0], signal.SIGKILL)
    out, _ = process.communicate(b"\n", TIMEOUT_SECONDS)
    assert process.returncode == 0
    assert b"the process that serves the databases has ended at" in out
    assert out.endswith(b"<Bar>\n")


def test_closed_handles(script: Script) -> None:
    """A script without standard input, output and error is still served."""
    code = (
        "close STDIN; close STDOUT; close STDERR;\n" + USE + "$db->set_prop('Squid', 'closed', $db->get_value('Foo'));"
    )
    script.run(code)
    assert script.root.db("zoo", "getprop", "Squid", "closed").out == "Bar\n"


def test_strange_settings_of_the_script(script: Script) -> None:
    """Separators, signal handlers, $_ and $@ of the script neither disturb the pipe nor are disturbed."""
    code = """
        local ($/, $\\, $,, $") = (undef, 'X', 'Y', 'Z');
        local $SIG{CHLD} = 'IGNORE'; local $SIG{PIPE} = sub { die 'pipe' };
        local $SIG{__DIE__} = sub { $db->set_prop('Squid', 'died', 1) }; local $_ = 'kept'; $@ = 'kept'; $? = 3; $! = 2;
        my $v = $db->get_value('Foo'); $db->set_prop('Squid', 'strange', $_ . $@ . $? . ($! + 0) . $v);
        my $none = esmith::ConfigDB->open('nothere');
    """
    script.run(USE + code)
    assert script.root.db("zoo", "getprop", "Squid", "strange").out == "keptkept32Bar\n"
    script.root.db("zoo", "getprop", "Squid", "died", code=1)


def test_signals_within_a_call(script: Script) -> None:
    """A handler may ask in the middle of a question, or break it off: every answer belongs to its question."""
    code = """
        use Time::HiRes qw(ualarm); my ($asked, $broken) = (0, 0);
        $db->set_prop('Squid', "n$_", $_) for 1 .. 50;
        $SIG{ALRM} = sub { $asked++; die 'wrong' unless $db->get_prop('Squid', 'n7') eq '7' };
        for my $time (1 .. 10) {
            ualarm 100 * $time;
            for my $i (1 .. 50) { die 'mixed up' unless $db->get_prop('Squid', "n$i") eq $i }
        }
        ualarm 0;
        for my $time (1 .. 20) {
            local $SIG{ALRM} = sub { $broken++; die "late\\n" };
            eval { ualarm 1000 * $time; while (1) { die 'mixed up' unless $db->get_prop('Squid', "n$time") eq $time } };
            die $@ unless $@ eq "late\\n";
            die 'mixed up' unless $db->get_prop('Squid', 'n3') eq '3';
        }
        show($asked > 3 ? 'asked' : $asked, $broken);
    """
    assert script.shown(USE + code) == ["<asked> <20>"]


def test_the_exit_status_stays(script: Script) -> None:
    """Neither the server's end nor an END block that reads changes what the script exits with."""
    for code, status in (("exit 3;", 3), ('die "x\\n";', 255), ("END { $db->get('Foo') } exit 7;", 7), ("exit 0;", 0)):
        script.run(f"{USE}$! = 0; {code}", status=status)


def test_tainted_scripts(script: Script) -> None:
    """With -T, which ignores PERL5LIB, the modules esmith init installed are used; what is read is not tainted."""
    library = str(script.root.file("/usr/local/lib/site_perl"))
    code = (
        USE + "my $v = $db->get_value('Foo'); eval { kill 0, $$ if $v; open my $f, '>', \"$ENV{ESMITH_ROOT}/$v\"; 1 };"
    )
    code += "require Scalar::Util; show(Scalar::Util::tainted($v) ? 1 : 0, Scalar::Util::tainted($ENV{PATH}) ? 1 : 0);"
    assert script.run(code, switches=("-wT", f"-I{library}")).out == "<0> <1>\n"


def test_installed_modules_are_those_of_the_package(script: Script) -> None:
    """esmith init installs every module, and every one of them can be loaded by itself without a warning."""
    package = Path(script.environment()["PERL5LIB"])
    names = sorted(str(path.relative_to(package)) for path in package.rglob("*.pm"))
    assert len(names) > 20
    for name in names:
        installed = script.root.file("/usr/local/lib/site_perl") / name
        assert installed.read_bytes() == (package / name).read_bytes()
        done = subprocess.run(
            [script.perl, "-wc", f"-I{package}", str(package / name)], capture_output=True, text=True, check=False
        )
        assert done.stderr == f"{package / name} syntax OK\n"


def test_two_scripts_and_python_at_once_lose_nothing(script: Script) -> None:
    """Every property that two scripts and a Python program set at the same time is there afterwards."""
    count = 60
    path = script.file(USE + f"for my $i (1 .. {count}) {{ $db->set_prop('Squid', \"$ARGV[0]$i\", $i) }}")
    scripts = [subprocess.Popen([script.perl, str(path), name], env=script.environment()) for name in ("a", "b")]
    store = open_store(Layout(str(script.root.path)), write=True)
    for number in range(1, count + 1):
        with store.transaction(Author.current(["test"])) as transaction:
            transaction.set_prop("zoo", "Squid", f"p{number}", str(number))
    assert [process.wait(TIMEOUT_SECONDS) for process in scripts] == [0, 0]
    with store.snapshot() as snapshot:
        record = snapshot.record("zoo", "Squid")
    store.close()
    assert record is not None
    assert {name for name in record.props if name[0] in "abp" and name != "arms"} == {
        f"{letter}{number}" for letter in "abp" for number in range(1, count + 1)
    }


def test_records_and_numbers_are_given_to_one_of_two(script: Script) -> None:
    """Of scripts that make the same record one succeeds; of those that ask for a number none gets another's."""
    code = """
        use esmith::AccountsDB; my $a = esmith::AccountsDB->open; my $made = 0;
        for my $i (1 .. 20) { $made++ if $db->new_record("N$i", { type => 't', by => $$ }) }
        show($made, map { $a->get_next_uid } 1 .. 20);
    """
    path = script.file(USE + code)
    started = [
        subprocess.Popen([script.perl, str(path)], env=script.environment(), stdout=subprocess.PIPE) for _ in range(3)
    ]
    answers = [
        process.communicate(timeout=TIMEOUT_SECONDS)[0].decode().replace("<", "").replace(">", "").split()
        for process in started
    ]
    assert sum(int(answer[0]) for answer in answers) == 20
    numbers = [number for answer in answers for number in answer[1:]]
    assert len(numbers) == len(set(numbers)) == 60


def test_twenty_thousand_accounts(script: Script) -> None:
    """A big database comes in one message, to the last record."""
    store = open_store(Layout(str(script.root.path)), write=True)
    with store.transaction(Author.current(["test"])) as transaction:
        for number in range(20_000):
            transaction.set_type("accounts", f"user{number:05}", "user")
            transaction.set_prop("accounts", f"user{number:05}", "FirstName", f"N{number}")
    store.close()
    assert script.shown(
        """
        use esmith::AccountsDB; my @users = esmith::AccountsDB->open->users;
        show(scalar @users, $users[-1]->key, $users[-1]->prop('FirstName'));
        """
    ) == ["<20000> <user19999> <N19999>"]
