"""``esmith manager``: the server-manager, the settings in a browser."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import click

from esmith.cli.groups import Sentences
from esmith.cli.output import print_report
from esmith.cli.program import root_option, run_click
from esmith.errors import EsmithError, InstallError, UsageError
from esmith.layout import Layout
from esmith.libraries import library_command
from esmith.manager.serving import (
    FOLDER_PORT,
    MACHINE_PORT,
    Both,
    Web,
    missing_packages,
    run_helper,
    run_web,
    web_user,
)
from esmith.store import open_store

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])
#: The shortest password of a root folder.
_SHORTEST = 8


@click.group("manager", cls=Sentences)
@root_option
def manager_command() -> None:
    """Serve the server-manager: the settings in a browser.

    \b
    Examples:
      esmith manager password
      esmith manager serve
      esmith manager serve --address 192.168.1.1 --certificate cert.pem --key key.pem
    """


def _web_options(function: _Decorated) -> _Decorated:
    options = (
        click.option("--address", default="127.0.0.1", show_default=True, help="The address of this machine."),
        click.option(
            "--port",
            type=click.IntRange(0, 65535),
            help=f"The port, 0 for a free one; default: the setting smanager TCPPort, in a root folder {FOLDER_PORT}.",
        ),
        click.option("--certificate", default="", metavar="FILE", help="The certificate in PEM, for TLS."),
        click.option("--key", default="", metavar="FILE", help="Its key, where that is in another file."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@manager_command.command("serve")
@_web_options
@root_option
@click.pass_obj
def serve_command(root: str | None, *, address: str, port: int | None, certificate: str, key: str) -> int:
    """Answer browsers until it gets TERM or INT: the helper and the web process together, in the foreground.

    Without a certificate it answers only on 127.0.0.1 or ::1. As root on the machine, the web process gives up its
    rights. Its first page stands in the first line that is printed.

    \b
    Examples:
      esmith manager serve
      esmith manager serve --address 192.168.1.1 --certificate cert.pem --key key.pem
    """
    layout = _ready(root)
    web = _web(layout, address, port, certificate, key)
    return Both(layout, web, _say).run()


def _say(line: str) -> None:
    """Print a line at once; whoever started this waits for the first one."""
    print_report([line])
    sys.stdout.flush()


@manager_command.command("helper")
@click.option("--user", default="", metavar="NAME", help="The unix account that may ask it; default: esmith-manager.")
@root_option
@click.pass_obj
def helper_command(root: str | None, *, user: str) -> int:
    """Answer the web process at a unix socket until it gets TERM; the service smanager-helper starts it.

    It reads and changes the settings, as root on the machine.

    \b
    Example:
      esmith manager helper
    """
    layout = _ready(root)
    run_helper(layout, web_user(layout, user))
    return 0


@manager_command.command("web")
@click.option("--user", default="", metavar="NAME", help="The unix account it becomes; default: esmith-manager.")
@_web_options
@root_option
@click.pass_obj
def web_command(root: str | None, *, user: str, address: str, port: int | None, certificate: str, key: str) -> int:
    """Answer browsers until it gets TERM, with what a helper says that runs already; the service smanager starts it.

    As root on the machine, it gives up its rights before it answers anybody.

    \b
    Example:
      esmith manager web --port 982
    """
    layout = _ready(root)
    web = _web(layout, address, port, certificate, key)
    web_user(layout, user)
    run_web(layout, web, web.listen(), user)
    return 0


@manager_command.command("password")
@root_option
@click.pass_obj
def password_command(root: str | None) -> int:
    """Set the password of the account admin for the server-manager of a root folder.

    It is asked for twice at a terminal, else the first line of standard input is taken. On the machine the passwords
    of the accounts count: passwd admin.

    \b
    Example:
      esmith manager password
    """
    from esmith.manager.helper.login import set_password

    layout = Layout.chosen(root)
    if layout.is_machine:
        raise UsageError(
            "on the machine the server-manager asks for the password of the account", hint="to set it: passwd admin"
        )
    _require_packages(layout)
    if sys.stdin.isatty():
        password: str = click.prompt("Password of admin", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    if len(password) < _SHORTEST:
        raise UsageError(f"the password has fewer than {_SHORTEST} characters", hint="take a longer one")
    set_password(layout, password)
    print_report(["the password of admin is set; whoever was logged in has to log in again"])
    return 0


def _ready(root: str | None) -> Layout:
    """Return the layout, where all is installed.

    :raises EsmithError: when something is missing.
    """
    layout = Layout.chosen(root)
    _require_packages(layout)
    return layout


def _require_packages(layout: Layout) -> None:
    if missing := missing_packages(layout):
        commands = [library_command(name) for name in missing]
        raise InstallError(
            f"the server-manager needs Python packages that are not installed: {', '.join(missing)}",
            hint="to install them:\n" + "\n".join(f"    {command}" for command in dict.fromkeys(commands)),
        )


def _web(layout: Layout, address: str, port: int | None, certificate: str, key: str) -> Web:
    web = Web(address, _port(layout) if port is None else port, certificate, key)
    web.require()
    return web


def _port(layout: Layout) -> int:
    """Return the port of the settings; in a root folder one that a plain user may take."""
    if not layout.is_machine:
        return FOLDER_PORT
    store = open_store(layout)
    try:
        with store.snapshot() as snapshot:
            value = snapshot.prop("configuration", "smanager", "TCPPort") or ""
    except EsmithError:
        value = ""
    finally:
        store.close()
    return int(value) if value.isascii() and value.isdecimal() and 0 < int(value) < 65536 else MACHINE_PORT


def main() -> NoReturn:
    """Run ``esmith-manager``, which is ``esmith manager``, on the arguments of this process."""
    run_click(manager_command, "esmith-manager")
