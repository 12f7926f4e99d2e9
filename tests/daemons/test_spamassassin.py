"""local.cf, read by SpamAssassin itself. One run takes a second, so several files are read in one."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmith.patterns.lists import list_lines
from tests.content.desk import Desk
from tests.daemons.generated import ask, install
from tests.programs import path_of

LOCAL_CF = "/etc/mail/spamassassin/local.cf"
DEBIAN = Path("/etc/spamassassin")
#: Plugins that Debian ships but does not load.
MORE_PLUGINS = "".join(f"loadplugin Mail::SpamAssassin::Plugin::{name}\n" for name in ("AWL", "TextCat"))


@pytest.fixture(scope="module")
def program() -> str:
    """Return SpamAssassin."""
    return path_of("spamassassin")


def _site(tmp_path: Path) -> Path:
    """Return a rules directory with the .pre files of Debian."""
    site = tmp_path / "site"
    site.mkdir()
    for pre in DEBIAN.glob("*.pre"):
        shutil.copy(pre, site)
    assert (site / "v320.pre").exists()
    return site


def _run(program: str, site: Path, *words: str, stdin: str = "") -> tuple[int, str, str]:
    home, preferences = site.parent / "home", site.parent / "user_prefs"
    home.mkdir(exist_ok=True)
    preferences.touch()
    fixed = ("-L", f"--siteconfigpath={site}", f"--prefspath={preferences}")
    done = ask(program, *fixed, *words, env={"HOME": str(home)}, stdin=stdin)
    return done.returncode, done.stdout, done.stderr


def _state(tmp_path: Path) -> str:
    """Return the command that keeps learnt data in the test's directory."""
    (tmp_path / "state").mkdir(exist_ok=True)
    return f"config setprop spamassassin StateDirectory {tmp_path}/state\n"


SETTINGS = {
    "defaults": "",
    **{
        name: f"config setprop spamassassin Sensitivity {name}"
        for name in ("veryhigh", "high", "medium", "low", "verylow")
    },
    "custom": "config setprop spamassassin Sensitivity custom TagLevel 6.5 RejectLevel 12 SubjectTag enabled",
    "bayes": (
        "config setprop spamassassin UseBayes 1 BayesAutoLearnThresholdSpam 6.00 BayesAutoLearnThresholdNonspam 0.10"
    ),
    "networks": "config setprop spamassassin TrustedNetworks '10.0.0.0/8, 192.168.1.1,127.0.0.1,2001:db8::/32'",
    "choices": "config setprop spamassassin skip_rbl_checks 1 PyzorTimeout 15 OkLocales 'en ja'",
    "plugins": "config setprop spamassassin UseAutoWhitelist 1 OkLanguages 'en,de'",
    "lists": (
        "db spamassassin setprop wbl.global *@vonage.com White *domain2.com White a#b@c.com White *@*.xyz Black\n"
        "db spamassassin setprop wbl.global_to boss@test.com White x@test.com Black"
    ),
}


@pytest.mark.parametrize("more_plugins", [False, True], ids=["debian-plugins", "more-plugins"])
@pytest.mark.program("spamassassin")
def test_spamassassin_finds_no_fault(desk: Desk, program: str, tmp_path: Path, *, more_plugins: bool) -> None:
    """Lint says nothing of the defaults and of any setting, with Debian's plugins and with those it leaves out."""
    site = _site(tmp_path)
    if more_plugins:
        (site / "zz.pre").write_text(MORE_PLUGINS)
    for name, commands in SETTINGS.items():
        text = install(desk, _state(tmp_path) + commands, LOCAL_CF, site / f"{name}.cf")
        assert ("whitelist_from" in text) == (name == "lists")
    assert _run(program, site, "--lint") == (0, "", "")


@pytest.mark.program("spamassassin")
def test_spamassassin_finds_no_fault_in_everything_together(desk: Desk, program: str, tmp_path: Path) -> None:
    """Lint says nothing of one file with all settings, and of scores of one's own between them."""
    site = _site(tmp_path)
    (site / "zz.pre").write_text(MORE_PLUGINS)
    scores = Path(desk.layout.under(f"/etc/e-smith/templates-custom{LOCAL_CF}/20localscores"))
    scores.parent.mkdir(parents=True)
    scores.write_text("score SARE_ADULT2 20.000\nscore FREEMAIL_FROM (-1)\n")
    try:
        text = install(desk, _state(tmp_path) + "\n".join(filter(None, SETTINGS.values())), LOCAL_CF, site / "local.cf")
    finally:
        shutil.rmtree(scores.parent)
    for line in ("use_bayes 1", "use_auto_whitelist 1", "pyzor_timeout 15", "score FREEMAIL_FROM (-1)"):
        assert line in text.splitlines()
    assert _run(program, site, "--lint") == (0, "", "")


@pytest.mark.parametrize("line", ["use_bayse 1", "required_score high"])
@pytest.mark.program("spamassassin")
def test_lint_notices_a_line_that_is_wrong(desk: Desk, program: str, tmp_path: Path, line: str) -> None:
    """The check itself works: an unknown word and a value that is none fail it."""
    site = _site(tmp_path)
    text = install(desk, "", LOCAL_CF, site / "local.cf")
    (site / "local.cf").write_text(f"{text}{line}\n")
    code, _, errors = _run(program, site, "--lint")
    assert code != 0
    assert line.split()[0] in errors


#: Entries as people write them, and senders that each is for; and one that no entry is for.
WRITTEN = {
    "wild.example": ["q@wild.example"],
    "@at.example": ["q@at.example"],
    "*@star.example": ["q@star.example"],
    "*.sub.example": ["q@a.sub.example"],
    ".dot.example": ["q@a.dot.example"],
    "x+y#z@sign.example": ["x+y#z@sign.example"],
}
OTHERS = ["q@a.wild.example", "q@sub.example", "q@dot.example", "xy@sign.example", "q@xwild.example"]
#: Asks SpamAssassin's own list of the configuration about each address: 1 when it is on it.
_ASK = """
use Mail::SpamAssassin;
my ($file, @addresses) = @ARGV;
open my $in, '<', $file or die; my $text = do { local $/; <$in> };
my $spamd = Mail::SpamAssassin->new({config_text => $text, local_tests_only => 1, dont_copy_prefs => 1});
$spamd->init(0);
for my $address (@addresses) {
    my $on = grep { $address =~ /$_/i } values %{$spamd->{conf}{blocklist_from}};
    print $on ? 1 : 0, "\n";
}
"""


@pytest.mark.program("spamassassin", "perl")
def test_spamassassin_reads_senders_as_people_write_them(desk: Desk, tmp_path: Path) -> None:
    """SpamAssassin has on its list the senders that the entries mean, and no others."""
    words = [word for entry in WRITTEN for word in (entry, "Black")]
    with desk.trial() as trial:
        trial.do_words(["db", "spamassassin", "setprop", "wbl.global", *words])
        lines = [line for line in trial.file(LOCAL_CF).splitlines() if line.startswith("blacklist_from")]
    (tmp_path / "lists").write_text("".join(f"{line}\n" for line in lines))
    senders = [sender for listed in WRITTEN.values() for sender in listed]
    done = ask(path_of("perl"), "-e", _ASK, tmp_path / "lists", *senders, *OTHERS, env={"HOME": str(tmp_path)})
    assert done.stdout.split() == ["1"] * len(senders) + ["0"] * len(OTHERS), done.stderr


def _mail(sender: str) -> str:
    return (
        f"From: {sender}\nTo: john@example.com\nSubject: hello\nDate: Mon, 5 Jan 2026 10:00:00 +0000\n"
        f"Message-ID: <1@{sender.rpartition('@')[2]}>\n\nHow are you?\n"
    )


@pytest.mark.parametrize(
    ("sender", "rule"),
    [("q@foo.xyz", "USER_IN_BLOCKLIST"), ("a#b@c.com", "USER_IN_WELCOMELIST"), ("q@example.org", "")],
)
@pytest.mark.program("spamassassin")
def test_the_settings_count_for_a_mail(desk: Desk, program: str, tmp_path: Path, sender: str, rule: str) -> None:
    """A mail is judged by the level that was set and by the lists of senders."""
    site = _site(tmp_path)
    commands = f"{_state(tmp_path)}{SETTINGS['lists']}\nconfig setprop spamassassin Sensitivity custom TagLevel 7"
    install(desk, commands, LOCAL_CF, site / "local.cf")
    code, judged, errors = _run(program, site, stdin=_mail(sender))
    assert (code, errors) == (0, "")
    status = re.sub(r"\s+", " ", judged.partition("X-Spam-Status: ")[2].partition("\n\n")[0])
    assert "required=7.0 " in status
    assert re.findall(r"USER_IN_\w+", status.partition("tests=")[2].partition(" autolearn")[0]) == [rule] * bool(rule)


@pytest.mark.parametrize("name", ["state", "state #1"])
@pytest.mark.program("sa-learn")
def test_learnt_data_goes_where_the_setting_says(desk: Desk, tmp_path: Path, name: str) -> None:
    """What Bayes learns is kept in StateDirectory, also at a path with a sign that begins a comment elsewhere."""
    learner = path_of("sa-learn")
    site = _site(tmp_path)
    state = tmp_path / name
    state.mkdir()
    with desk.trial("config setprop spamassassin UseBayes 1") as trial:
        trial.do_words(["config", "setprop", "spamassassin", "StateDirectory", str(state)])
        (site / "local.cf").write_text(trial.file(LOCAL_CF))
    mail = tmp_path / "mail"
    mail.write_text(_mail("q@example.org"))
    code, _, errors = _run(learner, site, "--ham", str(mail))
    assert code == 0, errors
    assert {path.name.partition("_")[0] for path in state.iterdir()} == {"bayes"}


#: Adds networks to SpamAssassin's own list; it warns of those it does not take.
_ADD = """
use Mail::SpamAssassin::NetSet;
Mail::SpamAssassin::NetSet->new('trusted')->add_cidr($_) for @ARGV;
"""
_CLIENTS = st.text("0123456789abf.:/![]*% ", min_size=1, max_size=20) | st.from_regex(
    r"!?\[?(10\.|192\.168\.?|[0-9]{1,3}(\.[0-9]{1,3}){3}|2001:db8::[0-9a-f]{0,4}|fe80::1%eth0)\]?(/[0-9]{1,3})?",
    fullmatch=True,
)


@pytest.mark.program("spamassassin", "perl")
@settings(max_examples=20, deadline=None)
@given(entries=st.lists(_CLIENTS, min_size=10, max_size=40))
def test_spamassassin_takes_every_trusted_network_that_is_written(entries: list[str]) -> None:
    """Whatever people type, SpamAssassin takes all that is written, and each entry is written or warned of."""
    warnings: list[str] = []
    lines = list_lines("trusted_networks", entries, warnings.append)
    done = ask("perl", "-e", _ADD, *lines)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not any(" " in line for line in lines)


def test_a_network_is_written_in_one_form() -> None:
    """Addresses, beginnings and networks stay what they are; what is an exception stays one."""
    entries = ["10.", "192.168.1.0/24", "!192.168.1.7", "[2001:db8::1]", "10.1.2.3/255.255.255.0", "fe80::1%eth0"]
    warnings: list[str] = []
    lines = list_lines("trusted_networks", entries, warnings.append)
    assert lines == ["10.", "192.168.1.0/24", "!192.168.1.7", "2001:db8::1", "10.1.2.0/24"]
    assert [entry in text for entry, text in zip(["fe80::1%eth0"], warnings, strict=True)] == [True]
