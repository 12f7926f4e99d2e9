"""What a service is: its directory, the administrator's over the shipped one."""

from __future__ import annotations

import re
from pathlib import Path
from shutil import copytree

import pytest

from esmith import libraries
from esmith.errors import ServiceError, UntrustedError
from esmith.layout import Layout
from esmith.libraries import library_command
from esmith.services.definition import Services, piece
from esmith.services.service import Account, Directory, Probe, Program, Service
from tests.documents import HOME

SHIPPED = "etc/e-smith/services"
CUSTOM = "etc/e-smith/services-custom"
OLD = "etc/e-smith/services.toml"


def _write(root: Path, name: str, text: str) -> Path:
    place = root / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return place


def _services(root: Path) -> Services:
    return Services(Layout(str(root)))


def test_a_directory_is_enough(tmp_path: Path) -> None:
    """A service is there with its directory, in either tree; files, and what an editor or a package left, are none."""
    for name in (f"{SHIPPED}/clamd/run", f"{CUSTOM}/mine/run", f"{CUSTOM}/clamd/run", f"{SHIPPED}/x.rpmsave/run"):
        _write(tmp_path, name, "exec x\n")
    _write(tmp_path, f"{SHIPPED}/run", "")
    assert _services(tmp_path).names() == ["clamd", "mine"]
    assert _services(tmp_path).of("mine") == Service("mine", record="mine", unit="mine")


def test_without_a_directory_there_is_a_default(tmp_path: Path) -> None:
    """A service that nobody defines has its own record and unit, and has to stay up for two seconds."""
    assert _services(tmp_path).names() == []
    assert _services(tmp_path).of("imap") == Service("imap", record="imap", unit="imap", probe=Probe(up_for=2.0))


def test_a_program_that_a_python_package_brings(tmp_path: Path) -> None:
    """The key python takes the place of package: what installs it is pip, unless it is there, and then init."""
    for library, missing in (("relaylib", [library_command("relaylib")]), ("lmdb", [])):
        _write(tmp_path, f"{SHIPPED}/relay/service.toml", f'[program]\nname = "/sbin/relay"\npython = "{library}"\n')
        commands = _services(tmp_path).of("relay").program.install_commands()
        assert commands == [*missing, "esmith init --services runit /service"]


def test_what_installs_a_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the pip of the environment, without one that of another Python, and apt-get for the Python of Debian."""
    python = tmp_path / "my env/bin/python"
    python.parent.mkdir(parents=True)
    assert library_command("Relay", str(python)) == f"python3 -m pip --python '{python}' install Relay"
    (python.parent / "pip").touch()
    assert library_command("Relay", str(python)) == f"'{python.parent}/pip' install Relay"
    assert library_command("Relay", "/usr/bin/python3") == "apt-get install python3-relay"
    monkeypatch.setattr(libraries, "__file__", "/usr/lib/esmith/esmith/libraries.py")
    assert library_command("Relay", "/usr/bin/python3") == "apt-get install --reinstall esmith"


def test_every_key(tmp_path: Path) -> None:
    """Each key of service.toml does what docs/add-a-service.md says."""
    _write(
        tmp_path,
        f"{SHIPPED}/clamd/service.toml",
        """\
record = "clamav"
start = "never"
leaves = ["/var/clamav/*.c[lv]d"]
stands-in-for = "scanner"
program = { name = "clamd", package = "clamav-daemon", required = true }
files = { "/etc/clamd.conf" = "email-update" }
account = { name = "clamav", others = ["virus"], number = 7, group = "av", group-number = 8, home = "/var/clamav" }
directories = { "/var/clamav" = { owner = "root", group = "av", mode = "0770" }, "/run/x" = {} }
probe = { port = 3310, command = ["x"], package = "y" }
systemd = { unit = "clamav-daemon", verbs = { hup = "reload" } }
replaces = { units = ["clamav-daemon.service", "postfix@-.service"] }
packages = { also = ["clamdscan", "libstdc++6"] }
""",
    )
    assert _services(tmp_path).of("clamd") == Service(
        "clamd",
        record="clamav",
        start="never",
        program=Program("clamd", "clamav-daemon", True),
        files={"/etc/clamd.conf": "email-update"},
        account=Account("clamav", ("virus",), 7, "av", 8, "/var/clamav"),
        directories=(Directory("/var/clamav", "root", "av", "0770"), Directory("/run/x", "", "", "0755")),
        probe=Probe(port=3310, command=("x",), package="y"),
        unit="clamav-daemon",
        verbs={"hup": "reload"},
        replaces=("clamav-daemon.service", "postfix@-.service"),
        stands_in_for="scanner",
        packages=("clamdscan", "libstdc++6"),
        leaves=("/var/clamav/*.c[lv]d",),
    )


def test_the_administrators_file_comes_first(tmp_path: Path) -> None:
    """The administrator's file replaces the shipped one, key by key; the values for all services fill in."""
    _write(tmp_path, f"{SHIPPED}/service.toml", "[probe]\nup-for = 5\n")
    _write(tmp_path, f"{SHIPPED}/clamd/service.toml", 'record = "a"\nstart = "never"\n[probe]\nwithin = 7\nport = 1\n')
    _write(tmp_path, f"{CUSTOM}/clamd/service.toml", 'record = "b"\n[probe]\nport = 2\n')
    _write(tmp_path, f"{CUSTOM}/service.toml", "[probe]\nup-for = 3\nwithin = 99\n")
    services = _services(tmp_path)
    clamd = services.of("clamd")
    assert (clamd.record, clamd.start, clamd.probe) == ("b", "never", Probe(up_for=3, within=7, port=2))
    assert services.of("imap").probe == Probe(up_for=3, within=99)


def test_the_old_file_of_probes_counts(tmp_path: Path) -> None:
    """/etc/e-smith/services.toml goes before all others, key by key, its [default] before the values for all."""
    _write(tmp_path, f"{SHIPPED}/service.toml", "[probe]\nup-for = 5\n")
    _write(tmp_path, f"{CUSTOM}/service.toml", "[probe]\nup-for = 4\n")
    _write(tmp_path, f"{SHIPPED}/clamd/service.toml", "[probe]\nwithin = 7\nport = 1\n")
    _write(tmp_path, f"{CUSTOM}/clamd/service.toml", "[probe]\nwithin = 8\n")
    _write(tmp_path, OLD, "[clamd]\nport = 2\n[default]\nup-for = 3\nwithin = 1\n")
    assert _services(tmp_path).of("clamd").probe == Probe(up_for=3, within=8, port=2)
    assert _services(tmp_path).of("imap").probe == Probe(up_for=3, within=1)


def test_a_script_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """A run script of the administrator takes the place of the shipped one; an empty one leaves it out."""
    _write(tmp_path, f"{SHIPPED}/clamd/run", "shipped\n")
    layout = Layout(str(tmp_path))
    assert (piece(layout, "clamd/run"), piece(layout, "clamd/log")) == (b"shipped\n", b"")
    custom = _write(tmp_path, f"{CUSTOM}/clamd/run", "mine\n")
    assert piece(layout, "clamd/run") == b"mine\n"
    custom.write_text("")
    assert piece(layout, "clamd/run") == b""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("started = 1\n", "unknown key 'started'\n.*did you mean 'start'"),
        ('start = "often"\n', "start must be one of 'status', 'always', 'never', not 'often'"),
        ("[probe]\nupfor = 1\n", "unknown key 'upfor'\n.*did you mean 'up-for'"),
        ('[probe]\nport = "25"\n', "port must be a whole number, not .25."),
        ('[probe]\ncommand = ["x"]\n', "command needs the Debian package"),
        ('[program]\nname = "x"\n', "name needs the Debian package"),
        ('[account]\nnumber = "x"\n', "number must be a whole number"),
        ('[files]\n"etc/x" = "y"\n', "'etc/x' must be an absolute path"),
        ('[directories."/x"]\nmode = "rwx"\n', "mode must be octal"),
        ('[directories."/x"]\nuser = "x"\n', "unknown key 'user'"),
        ('[systemd]\nunit = ""\n', "unit must be the name of a unit"),
        ('[replaces]\nunits = ["exim4"]\n', "units must be a list of units with their kind"),
        ('[replaces]\nunit = "exim4.service"\n', "unknown key 'unit'\n.*did you mean 'units'"),
        ('[packages]\nalso = ["-y"]\n', "also must be a list of names of Debian packages"),
        ('leaves = ["/var/*/x"]\n', "leaves must be a list of absolute paths, of which the name may be a pattern"),
        ('leaves = ["*"]\n', "leaves must be a list of absolute paths"),
        ("[probe\n", "cannot be read"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    """A mistake in a file is an error that names the file, when the service is asked for and not before."""
    place = _write(tmp_path, f"{SHIPPED}/clamd/service.toml", text)
    services = _services(tmp_path)
    assert services.of("imap").record == "imap"
    with pytest.raises(ServiceError, match=f"{re.escape(str(place))}: (.|\n)*{message}"):
        services.of("clamd")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (OLD, "up-for = 1\n", "up-for must be a table, not 1"),
        (OLD, "[clamd]\nupfor = 1\n", "did you mean 'up-for'"),
        (f"{CUSTOM}/service.toml", 'record = "x"\n', "unknown key 'record'"),
    ],
)
def test_mistakes_in_the_file_about_all(tmp_path: Path, name: str, text: str, message: str) -> None:
    """A file about all services may set how they are probed and nothing else; a mistake shows at once."""
    place = _write(tmp_path, name, text)
    with pytest.raises(ServiceError, match=f"{re.escape(str(place))}: (.|\n)*{message}"):
        _services(tmp_path)


@pytest.mark.parametrize("name", [f"{SHIPPED}/clamd/service.toml", f"{CUSTOM}/clamd/service.toml"])
def test_what_others_may_write_is_not_read(tmp_path: Path, name: str) -> None:
    """A definition that somebody else may write is refused, as is a script."""
    _write(tmp_path, name, 'record = "x"\n').chmod(0o666)
    with pytest.raises(UntrustedError, match="may be written by everybody"):
        _services(tmp_path).of("clamd")
    with pytest.raises(UntrustedError, match="may be written by everybody"):
        piece(Layout(str(tmp_path)), name.partition("/clamd/")[2] and "clamd/service.toml")


def test_the_shipped_services_are_sound(tmp_path: Path) -> None:
    """Each shipped service can be read, and one with a run script names its program or has it found by the script."""
    copytree(HOME / "services", tmp_path / SHIPPED)
    services = _services(tmp_path)
    names = services.names()
    assert len(names) > 10
    run = [name for name in names if (HOME / f"services/{name}/run").exists()]
    assert sorted(names) == sorted(run)
    assert [name for name in run if not services.of(name).program.name] == [
        *("cvm-unix-local", "esmith-fleet", "esmith-watch", "php-fpm")
    ]


def test_the_documented_file_is_sound(tmp_path: Path) -> None:
    """The example of the documents can be used as it stands."""
    text = (HOME / "docs/concepts.md").read_text()
    found = re.search(r"```text\n(\[probe\]\n.*?)```", text, re.DOTALL)
    assert found
    _write(tmp_path, f"{CUSTOM}/clamd/service.toml", found[1])
    assert _services(tmp_path).of("clamd").probe.socket == "/var/clamav/clamd.socket"
