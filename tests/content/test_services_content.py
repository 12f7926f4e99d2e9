"""Mailbox access, fetched mail, webmail, web sites, the firewall, cron, and the events around them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from esmith.fragments.rendering import Kind
from esmith.plan.plan import Plan
from tests.commands import Root
from tests.content.desk import Desk
from tests.content.services_cases import (
    CONFIG,
    CONTROL,
    CRONTAB,
    DOVECOT,
    HORDE,
    HTTPD,
    IFCFG,
    IMP,
    MASQ,
    MULTIDROP,
    PROVIDER,
    PROXY,
    RC,
    SCAN,
    SETTINGS,
)
from tests.daemons.generated import ask, install
from tests.programs import path_of


@pytest.mark.parametrize(("commands", "path", "has", "lacks"), SETTINGS.values(), ids=SETTINGS)
def test_setting(desk: Desk, commands: str, path: str, has: list[str], lacks: list[str]) -> None:
    """After a setting the file has the lines that follow from it, once each at least, and not those it rules out."""
    with desk.trial(commands) as trial:
        text = trial.file(path)
    lines = text.splitlines()
    assert [line for line in has if line not in lines] == []
    body = "\n".join(line for line in lines if not line.startswith("#"))
    assert [word for word in lacks if (word[1:] in body if word[0] == "~" else word in lines)] == []


def _mode(plan: Plan) -> int:
    (output,) = plan.outputs
    return output.mode


@pytest.mark.parametrize("service", ["imap", "imaps", "pop3", "pop3s"])
def test_who_may_connect(desk: Desk, service: str) -> None:
    """Outsiders may connect when access is public, local clients when the service is enabled: the modes say so."""
    expected = {
        "access private": (0, 0o644),
        "access localhost": (0, 0o644),
        "access public": (0o644, 0o644),
        "status disabled": (0, 0),
    }
    for setting, modes in expected.items():
        with desk.trial(f"config setprop {service} {setting}") as trial:
            paths = [f"/var/service/{service}/peers/{name}" for name in ("0", "local")]
            assert tuple(_mode(trial.plan(path)) for path in paths) == modes, setting


DOVECOT_CASES: dict[str, tuple[str, dict[str, str | int | None]]] = {
    "as-delivered": ("", {"protocols": "imap pop3", "imap": "143 127.0.0.1 192.168.1.1", "imaps": "0"}),
    "imap-for-all": ("config setprop imap access public", {"imap": "143", "pop3": "110 127.0.0.1 192.168.1.1"}),
    "imap-for-webmail": ("config setprop imap access localhost", {"imap": "143 127.0.0.1"}),
    "pop3-off": ("config setprop pop3 status disabled", {"protocols": "imap", "pop3": None}),
    "all-off": (
        "config setprop pop3 status disabled\nconfig setprop imap status disabled",
        {"protocols": "none", "imap": None},
    ),
    "limits": (
        "config setprop imap ConcurrencyLimit 3000 ConcurrencyLimitPerIP 20 ProcessMemoryLimit 64000000",
        {"imap/process_limit": "3000", "imap/vsz_limit": 64_000_000, "mail_max_userip_connections": "20"},
    ),
    "limit-too-low": ("config setprop imap ProcessMemoryLimit 1", {"imap/vsz_limit": 32_000_000}),
    "reply": (
        """config set dovecot service RejectSubject 'a "b" \\ $c # d'""",
        {"rejection_subject": 'a "b" \\ $c # d'},
    ),
}


@pytest.mark.parametrize(("commands", "expected"), DOVECOT_CASES.values(), ids=DOVECOT_CASES)
@pytest.mark.program("doveconf")
def test_dovecot(desk: Desk, tmp_path: Path, commands: str, expected: dict[str, str | int | None]) -> None:
    """dovecot takes the file without a word and has protocols, listeners and limits as the settings say."""
    doveconf = path_of("doveconf")
    target = tmp_path / "dovecot.conf"
    install(desk, commands, DOVECOT, target)
    done = ask(doveconf, "-n", "-c", target)
    assert (done.returncode, done.stderr) == (0, "")

    new = "dovecot_config_version" in target.read_text()

    def value(setting: str, *words: str) -> str:
        """Return what doveconf prints for a setting, the path of which ends in its name, as dovecot 2.3 writes it."""
        found = re.search(
            rf"(?m)^\s*(?:\S+/)?{setting.rpartition('/')[2]} =(.*)$",
            ask(doveconf, "-c", target, *words, setting).stdout,
        )
        text = found[1].strip() if found else ""
        return re.sub(r"\\(.)", r"\1", text[1:-1]) if new and text.startswith('"') else text

    for name, wanted in expected.items():
        if name in ("imap", "imaps", "pop3"):
            login = f"service/{name.removesuffix('s')}-login/inet_listener/{name}"
            if wanted is None:
                assert value(f"{login}/port") in ("0", "")
            else:
                address = value(f"{login}/{'listen' if new else 'address'}")
                assert f"{value(f'{login}/port')} {address}".strip() == wanted
        elif name == "protocols":
            assert (value(name) or "none") == wanted
        elif name.endswith("/vsz_limit"):
            number, unit = value(f"service/{name}").split()
            assert int(number) * {"B": 1, "k": 1024}[unit] == wanted
        elif "/" in name:
            assert value(f"service/{name}") == wanted
        else:
            protocol = {"rejection_subject": "lda"}.get(name, "imap")
            assert value(name, "-f", f"protocol={protocol}") == wanted


@pytest.mark.parametrize("secret", ["a b#c", "it's", 'say "x"', "both ' and \"", "^A \\x41 \\", "$(id)`id`;%s"])
@pytest.mark.program("fetchmail")
def test_fetchmail_reads_what_was_set(desk: Desk, tmp_path: Path, secret: str) -> None:
    """fetchmail reads account, password and envelope as they were set, whatever quotes and signs are in them."""
    fetchmail = path_of("fetchmail")
    target = tmp_path / "fetchmailrc"
    words = ["SecondaryMailAccount", secret, "SecondaryMailPassword", secret, "SecondaryMailEnvelope", secret]
    with desk.trial(MULTIDROP) as trial:
        trial.do_words(["config", "setprop", "fetchmail", *words])
        (output,) = trial.plan(RC).outputs
    assert output.mode == 0o600
    target.write_bytes(output.rendering.content)
    target.chmod(output.mode)
    # It looks for its list of seen mail in the home directory, which e.g. nobody has not.
    done = ask(fetchmail, "--configdump", "-f", target, env={"HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = {}
    exec(done.stdout, {}, found)
    (server,) = found["fetchmailrc"]["servers"]
    (user,) = server["users"]
    assert (server["protocol"], server["localdomains"]) == ("POP3", ["example.com", "test.com"])
    assert (user["remote"], user["password"], server["envelope"]) == (secret, secret, secret)
    assert (user["smtphunt"], user["fetchall"], user["forcecr"]) == (["127.0.0.200"], True, True)


#: A setting that cannot be followed, a piece of the warning, and the file.
WARNINGS = {
    "no-server": (MULTIDROP + " SecondaryMailServer ''", "SecondaryMailServer", RC),
    "long-scan": (f"{SCAN} /{'x' * 1000}", "too long for cron", CRONTAB),
    "no-address": (SCAN + " /srv FilesystemScanReportTo 'a b'", "goes to admin", CRONTAB),
    "no-target": (f"{PROXY} ''", "ProxyPassTarget is no address", HTTPD),
    "target-that-is-a-line": (f"{PROXY} 'http://x/ y'", "ProxyPassTarget is no address", HTTPD),
    "no-template": ("db domains setprop test.com TemplatePath ../x", "there is no template", HTTPD),
    "no-host-name": ("db domains --force set 'a> b' domain", "is no host name", HTTPD),
    "no-i-bay": ("db domains setprop test.com Content '../..'", "Primary is shown", HTTPD),
    "no-ciphers": ("config setprop modSSL CipherSuite 'HIGH kRSA'", "its own", HTTPD),
}


@pytest.mark.parametrize(("commands", "warning", "path"), WARNINGS.values(), ids=WARNINGS)
def test_a_setting_that_cannot_be_followed(desk: Desk, commands: str, warning: str, path: str) -> None:
    """A value a file cannot hold is left out with a warning, and the file stays one its program can read."""
    with desk.trial(commands) as trial:
        (output,) = trial.plan(path).outputs
    (message,) = output.rendering.warnings
    assert warning in message
    assert not [line for line in output.rendering.content.decode().splitlines() if "y'" in line or "../" in line]


@pytest.mark.program("apache2")
@pytest.mark.parametrize("name", [name for name, (_, _, path) in WARNINGS.items() if path == HTTPD])
def test_apache_takes_a_file_without_that_setting(desk: Desk, tmp_path: Path, name: str) -> None:
    """Where a setting that cannot be followed is left out, httpd.conf stays a file that Apache reads."""
    with desk.trial(WARNINGS[name][0]) as trial:
        (output,) = trial.plan(HTTPD).outputs
    _apache_takes(tmp_path, output.rendering.content)


def _apache_takes(folder: Path, content: bytes) -> None:
    apache = path_of("apache2")
    target = folder / "httpd.conf"
    target.write_bytes(content)
    done = ask(apache, "-t", "-f", target)
    assert (done.returncode, done.stderr) == (0, "Syntax OK\n")


@pytest.mark.program("apache2")
def test_a_domain_that_is_passed_on(desk: Desk, tmp_path: Path) -> None:
    """A domain with ProxyPassVirtualHosts leads to its target: by http at port 80, by https at port 443."""
    with desk.trial(f"{PROXY} http://sme.dom.ain/webmail\ndb hosts set a.mail.dom.ain host HostType Self") as trial:
        text = trial.file(HTTPD)
    sites = [site.partition("</VirtualHost>")[0].splitlines() for site in text.split("<VirtualHost ")[1:]]
    plain, encrypted = (site for site in sites if "    ServerName mail.dom.ain" in site)
    assert (plain[0], encrypted[0]) == ("*:80>", "*:443>")
    for site, target in ((plain, "http://sme.dom.ain/webmail"), (encrypted, "https://sme.dom.ain/webmail")):
        assert site[-2:] == [f"    ProxyPass / {target}", f"    ProxyPassReverse / {target}"]
        assert "    ServerAlias a.mail.dom.ain" in site
        assert "DocumentRoot" not in "".join(site)
    assert "    SSLProxyEngine On" in encrypted
    assert "    SSLProxyEngine On" not in plain
    _apache_takes(tmp_path, text.encode())


def test_scan_of_stored_files(desk: Desk, tmp_path: Path) -> None:
    """The shell that cron starts gives clamscan every directory as it was set, whatever signs are in its name."""
    places = ["/it's 100%", "/a\\b", '/$(id)"x"']
    with desk.trial() as trial:
        words = ["FilesystemScan", "daily", "Quarantine", "enabled", "QuarantineDirectory", str(tmp_path / "q'%")]
        words += ["FilesystemScanFilesystems", ",".join(places), "FilesystemScanExclude", "/a.b"]
        trial.do_words(["config", "setprop", "clamav", *words])
        (line,) = (line for line in trial.file(CRONTAB).splitlines() if " clamscan " in line)
    assert re.findall(r"(?<!\\)%", line) == []  # it would end the command
    command = re.sub(r"\\([\\%])", r"\1", line.removeprefix("15 2 * * * root "))  # as cron hands it on
    (tmp_path / "clamscan").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "clamscan").chmod(0o755)
    done = ask("sh", "-c", command, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    words = done.stdout.splitlines()
    assert words[words.index("--") + 1 :] == places
    assert "--exclude-dir=^/a\\.b(/|$)" in words
    assert (tmp_path / "q'%").is_dir()


@pytest.mark.program("php")
def test_webmail_title_is_text(desk: Desk, tmp_path: Path) -> None:
    """PHP reads webmail's files without a complaint, and the title as it was set."""
    php = path_of("php")
    title = "\"; exit; $x {$y} \\' é"
    with desk.trial() as trial:
        trial.do_words(["config", "setprop", "horde", "Name", title, "googlemaps", title, "Administration", "enabled"])
        menu = HORDE.replace("config", "conf.menu.apps.php")
        main = [f"{HORDE}/registry.php", f"{HORDE}/conf.php", f"{HORDE}/mime_drivers.php", menu]
        outputs = trial.plan(*main, f"{IMP}/servers.php", f"{IMP}/mime_drivers.php").outputs
    for output in outputs:
        target = tmp_path / Path(output.path).name
        target.write_bytes(output.rendering.content)
        assert ask(php, "-l", target).returncode == 0
    code = (
        'class R { function f() { include "registry.php"; echo $this->applications["horde"]["name"]; } } (new R)->f();'
    )
    assert ask(php, "-r", f'chdir("{tmp_path}"); {code}').stdout == title
    assert outputs[1].mode == 0o640


@pytest.mark.parametrize("path", [MASQ, "/etc/fetchmail", "/etc/startmail", "/etc/cron.daily/freshclam"])
def test_scripts(desk: Desk, tmp_path: Path, path: str) -> None:
    """A generated script is executable and valid shell."""
    install(desk, MULTIDROP, path, tmp_path / "script")
    assert ask("sh", "-n", tmp_path / "script").returncode == 0
    assert (tmp_path / "script").stat().st_mode & 0o777 == 0o755


def test_qpsmtpd_reads_qmails_list_of_senders_unless_wbl_has_some(desk: Desk) -> None:
    """Without black senders there is no badmailfrom that would hide qmail's; with some it repeats qmail's."""
    with desk.trial() as trial:
        assert trial.plan(f"{CONFIG}/badmailfrom").outputs[0].rendering.kind is Kind.ABSENT
        trial.do("db wbl setprop badmailfrom spam@x.org Black")
        assert trial.file(f"{CONFIG}/badmailfrom").endswith(trial.file(f"{CONTROL}/badmailfrom"))


def test_bad_greetings_are_in_the_order_the_plugin_needs(desk: Desk) -> None:
    """Regular expressions come after all names, since the plugin looks no further than the first of them."""
    with desk.trial(r"db wbl setprop badhelo '^a\.' Black aol.com Black zoo.org Black") as trial:
        assert trial.file(f"{CONFIG}/badhelo").splitlines()[-3:] == ["aol.com", "zoo.org", r"^a\."]


def test_mtu_at_the_next_boot(office: Root) -> None:
    """post-upgrade leaves the files to the next boot, which happens at once under a folder as root, and just once."""
    office.config("set", "InternalInterface", "interface", "Name", "eth0", "MTU", "1492")
    office.signal("post-upgrade")
    assert not office.file(f"{IFCFG}-eth0").exists()
    assert office.config("getprop", "bootstrap-console", "Run").out == "yes\n"
    office.signal("reboot")
    assert "MTU=1492" in office.lines(f"{IFCFG}-eth0")
    assert office.config("getprop", "bootstrap-console", "Run").out == "no\n"
    before = office.snapshot()
    office.config("setprop", "imap", "ConcurrencyLimitPerIP", "20")
    office.signal("reboot")
    assert office.snapshot() == before


def test_imap_limit_at_the_next_boot(office: Root) -> None:
    """docs/page.md, block 35: post-upgrade takes the limit away from imaps, and the boot gives both services imap's."""
    office.config("setprop", "imap", "ConcurrencyLimitPerIP", "20")
    office.config("setprop", "imaps", "ConcurrencyLimitPerIP", "20")
    office.signal("post-upgrade")
    office.config("getprop", "imaps", "ConcurrencyLimitPerIP", code=1)
    office.signal("reboot")
    for service in ("imap", "imaps"):
        assert "INSTANCES_PER_IP=20" in office.lines(f"/var/service/{service}/config")


@pytest.mark.parametrize("name", ["../eth0", "a b", "-n/x"])
def test_network_card_with_an_impossible_name(office: Root, name: str) -> None:
    """A name that is not a network card's makes no file anywhere."""
    office.config("set", "InternalInterface", "interface", "Name", name)
    before = set(office.snapshot("/etc", "/sbin"))
    office.signal("console-save")
    made = set(office.snapshot("/etc", "/sbin")) - before
    assert not [path for path in made if "eth0" in path or IFCFG in path]


def test_ip_change(office: Root) -> None:
    """ip-change takes the new address; what is not an address is refused, and changes nothing."""
    office.signal("ip-change", "198.51.100.7")
    assert "[198.51.100.7]" in office.lines(f"{CONTROL}/rcpthosts")
    office.signal("ip-change", "198.51.100", code=7)
    assert office.config("get", "ExternalIP").out == "198.51.100.7\n"


def test_settings_are_undone_completely(office: Root) -> None:
    """After settings of all these services and their undoing every file is, byte by byte, what it was."""
    before = {path: entry[:2] for path, entry in office.snapshot().items()}
    office.config("setprop", "imap", "access", "public")
    office.config("setprop", "horde", "Name", "x")
    office.config("setprop", "fetchmail", "status", "enabled", "Method", "multidrop", *PROVIDER.split())
    office.db("wbl", "setprop", "badmailfrom", "spam@x.org", "Black")
    office.signal("email-update")
    assert {path: entry[:2] for path, entry in office.snapshot().items()} != before
    office.config("setprop", "imap", "access", "private")
    office.config("delprop", "horde", "Name")
    office.config("delprop", "fetchmail", *PROVIDER.split()[::2])
    office.config("setprop", "fetchmail", "status", "disabled", "Method", "standard")
    office.db("wbl", "delprop", "badmailfrom", "spam@x.org")
    office.signal("email-update")
    assert {path: entry[:2] for path, entry in office.snapshot().items()} == before


def test_passwords_are_not_shown(office: Root) -> None:
    """signal-event --diff names the files that hold the provider's password, and does not show it."""
    office.config("setprop", "fetchmail", "status", "enabled", "Method", "multidrop", *PROVIDER.split()[:-1], "geheim")
    answer = office.signal("--dry-run", "--diff", "email-update")
    assert f"{RC}: holds a secret" in answer.out + answer.err
    assert "geheim" not in answer.out + answer.err
