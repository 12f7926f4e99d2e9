"""Which plugins the lists of qpsmtpd name: those that are installed; and which list a client's network is linked to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from esmith.fragments.render import Renderer
from tests.commands import Root
from tests.content.desk import Desk

CONFIG = "/var/service/qpsmtpd/config"
OUTSIDE = f"{CONFIG}/peers/0"
STOCK = "/usr/share/qpsmtpd/plugins"
OURS = "/usr/share/e-smith/qpsmtpd/plugins"
PERL = "/usr/share/perl5"
REPOSITORY = Path(__file__).parents[2]
DEBIAN = Path(STOCK)
DMARC = "# dmarc: this plugin needs the package libmail-dmarc-perl, which is not installed"


def _install(root: Root, *names: str) -> None:
    for name in names:
        root.write(f"{STOCK}/{name}", "#!perl -w\n")


def _named(root: Root, path: str = OUTSIDE) -> set[str]:
    """Return the plugins that a list names."""
    return {line.split()[0] for line in root.lines(path) if not line.startswith("#")}


def _install_all_but(root: Root, *names: str) -> None:
    """Put every plugin that the office's lists name, and we do not have, where Debian's are, except some."""
    every = _named(root) | _named(root, f"{CONFIG}/plugins") | {"karma"}
    _install(root, *(name for name in every - {*names} if not (root.file(OURS) / name).exists()))


def test_our_plugins_are_installed_as_they_are(_fresh: Path) -> None:
    """``esmith init`` installs every plugin of the repository in our plugin directory, readable and not executable."""
    shipped = REPOSITORY / "plugins/qpsmtpd"
    installed = Root(_fresh).file(OURS)
    files = {path.relative_to(shipped): path.read_bytes() for path in shipped.rglob("*") if path.is_file()}
    assert {path.relative_to(installed): path.read_bytes() for path in installed.rglob("*") if path.is_file()} == files
    assert {path.stat().st_mode & 0o7777 for path in installed.rglob("*") if path.is_file()} == {0o644}


def test_an_upgrade_replaces_and_removes_plugins(root: Root) -> None:
    """A plugin that was edited is replaced and copied; one that is no longer shipped goes; others' files stay."""
    edited = root.write(f"{OURS}/bcc", "mine\n")
    old = root.write(f"{OURS}/old", "#!perl -w\n")
    foreign = root.write(f"{OURS}/foreign", "not ours\n")
    manifest = root.file("/var/lib/e-smith/shipped")
    manifest.write_text(manifest.read_text() + f"{'0' * 64}  plugins/qpsmtpd/old\n")
    answer = root.esmith("init")
    assert f"{OURS}/bcc was edited by hand" in answer.err
    assert edited.read_bytes() == (REPOSITORY / "plugins/qpsmtpd/bcc").read_bytes()
    assert (old.exists(), foreign.read_text()) == (False, "not ours\n")


@pytest.mark.program("qpsmtpd-forkserver")
def test_every_line_of_a_list_is_known_to_debian_or_us(_office: Path) -> None:
    """What the office's lists name is a plugin of Debian's qpsmtpd, or of ours."""
    root = Root(_office)
    for name in ("plugins", "peers/0", "peers/local"):
        named = _named(root, f"{CONFIG}/{name}")
        assert [
            plugin for plugin in named if not (root.file(OURS) / plugin).is_file() and not (DEBIAN / plugin).is_file()
        ] == []


@pytest.mark.program("qpsmtpd-forkserver")
def test_what_counts_as_installed_in_a_trial_folder(desk: Desk) -> None:
    """Where qpsmtpd is not there, just what comes with Debian's 0.94, and our plugins, count as installed."""
    programs = {"karma_tool", "tls_cert", "registry.txt"}
    debian = {str(path.relative_to(DEBIAN)) for path in DEBIAN.rglob("*") if path.is_file()} - programs
    debian = {name for name in debian if not name.startswith(("async/", "check_"))}
    shipped = REPOSITORY / "plugins/qpsmtpd"
    ours = {str(path.relative_to(shipped)) for path in shipped.rglob("*") if path.is_file()}
    for name in sorted(debian | ours):
        assert _line(desk, f"{name} a b") == f"{name} a b\n"
    for name in sorted(programs | {"tnef2mime", "nosuch/plugin"}):
        assert _line(desk, f"{name} a b") == f"# {name}: this plugin is not installed\n"


def _line(desk: Desk, line: str) -> str:
    path = Path(desk.layout.layer("templates-custom")) / "one-line"
    path.write_text(f"{{{{ template('/var/service/qpsmtpd/plugin', line='{line}') -}}}}")
    try:
        with desk.store.snapshot() as snapshot:
            (rendering,) = Renderer(desk.layout, snapshot).render("/one-line")
    finally:
        path.unlink()
    return rendering.content.decode()


def test_where_qpsmtpd_is_installed_its_directory_decides(office: Root) -> None:
    """A plugin that is missing is a comment and a warning; once it is installed, the next event names it."""
    _install_all_but(office, "rcpt_ok", "earlytalker")
    before = _named(office)
    office.write(f"{PERL}/Net/IP.pm", "")
    office.write(f"{PERL}/Mail/SPF.pm", "")
    office.write(f"{PERL}/Mail/DKIM/Signer.pm", "")
    office.write("/usr/local/share/perl/5.36.0/IO/Socket/SSL.pm", "")
    answer = office.signal("email-update")
    for plugin in ("rcpt_ok", "earlytalker"):
        assert f"the plugin {plugin} is left out: it is in none of the directories of plugin_dirs" in answer.err
        assert f"# {plugin}: this plugin is not installed" in office.lines(OUTSIDE)
    assert "dmarc" not in answer.err
    assert "tnef2mime" not in answer.err
    assert before - _named(office) == {"rcpt_ok", "earlytalker", "dmarc"}
    assert DMARC in office.lines(OUTSIDE)
    _install(office, "rcpt_ok", "tnef2mime")
    answer = office.signal("email-update")
    assert "rcpt_ok" not in answer.err
    assert before - _named(office) == {"earlytalker", "dmarc"}
    assert "tnef2mime" in office.lines(OUTSIDE)


def test_a_module_that_is_missing_is_named_by_its_package(office: Root) -> None:
    """A plugin without its Perl module is a comment that names the package, and a warning if it is asked for."""
    _install_all_but(office)
    office.config("setprop", "qpsmtpd", "DMARCReject", "enabled", "Karma", "enabled")
    answer = office.signal("email-update")
    assert "the plugin tls is left out: apt-get install libio-socket-ssl-perl" in answer.err
    for plugin, package in (("dmarc", "libmail-dmarc-perl"), ("karma", "libnet-ip-perl"), ("relay", "libnet-ip-perl")):
        comment = f"# {plugin}: this plugin needs the package {package}, which is not installed"
        assert comment in office.lines(OUTSIDE)
    office.write(f"{PERL}/Mail/DMARC/PurePerl.pm", "")
    office.write(f"{PERL}/Net/IP.pm", "")
    office.signal("email-update")
    assert {"dmarc reject 1 reporting 1", "relay"} < set(office.lines(OUTSIDE))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, "karma penalty_days 1 reject naughty negative 1 strikes 3"),
        ("no counting here\n", "karma penalty_days 1 reject naughty negative 1 strikes 3"),
        ("    $naughty++;\n", "karma penalty_days 1 reject naughty negative 2 strikes 3"),
    ],
    ids=["not there", "0.94", "a version that counts"],
)
def test_karma_blocks_with_each_version_of_the_plugin(office: Root, text: str | None, line: str) -> None:
    """A karma plugin that counts no bad connections gets the only number with which it blocks."""
    if text is not None:
        office.write(f"{STOCK}/karma", text)
    office.write(f"{PERL}/Net/IP.pm", "")
    office.config("setprop", "qpsmtpd", "Karma", "enabled")
    office.expand(OUTSIDE)
    assert line in office.lines(OUTSIDE)


@pytest.mark.program("qpsmtpd-forkserver")
def test_debians_karma_is_the_one_that_does_not_count() -> None:
    """What distinguishes the versions of karma is so in Debian's."""
    assert "$naughty++" not in (DEBIAN / "karma").read_text()


def _links(root: Root, place: str) -> dict[str, str]:
    folder = root.file(place)
    return {path.name: os.readlink(path) for path in folder.iterdir() if path.is_symlink()}


def test_local_networks_are_linked_to_their_list(office: Root) -> None:
    """Each prefix of each network leads to the list of local clients, the gateway to that of outside, everywhere."""
    office.db("networks", "set", "172.16.4.0", "network", "Mask", "255.255.252.0")
    office.signal("network-create", "172.16.4.0")
    expected = dict.fromkeys(("127.0.0.1", "10.0", "192.168.1"), "local") | {"192.168.1.254": "0"}
    expected |= {f"172.16.{number}": "local" for number in (4, 5, 6, 7)}
    services = ("qpsmtpd/config", "qpsmtpd", "imap", "imaps", "pop3", "pop3s")
    for service in services:
        assert _links(office, f"/var/service/{service}/peers") == expected, service
    office.db("networks", "settype", "172.16.4.0", "network-deleted")
    office.signal("network-delete", "172.16.4.0")
    for service in services:
        assert _links(office, f"/var/service/{service}/peers").keys() == {
            "127.0.0.1",
            "10.0",
            "192.168.1",
            "192.168.1.254",
        }


def test_links_come_back_with_a_rollback(office: Root) -> None:
    """A dry run shows links and makes none; rollback brings back those that an event removed."""
    office.db("networks", "settype", "10.0.0.0", "network-deleted")
    before = _links(office, f"{CONFIG}/peers")
    assert f"{CONFIG}/peers/10.0" in office.signal("--dry-run", "network-delete", "10.0.0.0").out
    assert _links(office, f"{CONFIG}/peers") == before
    office.signal("network-delete", "10.0.0.0")
    assert before.keys() - _links(office, f"{CONFIG}/peers").keys() == {"10.0"}
    office.esmith("rollback")
    assert _links(office, f"{CONFIG}/peers") == before


def test_a_network_of_half_the_internet_is_not_everybody(office: Root) -> None:
    """The list 0 for everybody is never replaced by a link, however large a network is."""
    office.db("networks", "set", "0.0.0.0", "network", "Mask", "128.0.0.0")
    office.signal("network-create", "0.0.0.0")
    assert not office.file(OUTSIDE).is_symlink()
    assert _links(office, f"{CONFIG}/peers")["127"] == "local"


@pytest.mark.parametrize("event", ["email-update", "console-save", "bootstrap-console-save", "ip-change"])
def test_events_that_link_the_networks(office: Root, event: str) -> None:
    """Events after which other networks may be local link them."""
    office.config("set", "GatewayIP", "192.168.1.253")
    words = ["203.0.113.5"] if event == "ip-change" else []
    shown = office.signal("--dry-run", event, *words).out
    assert f"{CONFIG}/peers/192.168.1.253" in shown
    assert f"{CONFIG}/peers/192.168.1.254" in shown
