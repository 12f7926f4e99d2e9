"""What the commands that pip makes call: ^C while a command still imports what it needs shows no traceback.

Those in ``/sbin/e-smith`` (:func:`esmith.setup.shipped.command_files`) do the same in themselves, and start in half the
time. What pip writes around the functions here is pip's: it reads the site's packages and imports :mod:`re` before it
calls them, so nothing here could make it as lean (docs/commands.md).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def config() -> NoReturn:
    """Run ``config``."""
    _start("esmith.cli.db", "config_main")


def db() -> NoReturn:
    """Run ``db``."""
    _start("esmith.cli.db", "main")


def signal_event() -> NoReturn:
    """Run ``signal-event``."""
    _start("esmith.cli.signal_event", "main")


def expand_template() -> NoReturn:
    """Run ``expand-template``."""
    _start("esmith.cli.expand_template", "main")


def esmith() -> NoReturn:
    """Run ``esmith``."""
    _start("esmith.cli.esmith", "main")


def shipped() -> NoReturn:
    """Run the shipped command of the name of this process."""
    _start("esmith.cli.shipped", "main")


def _start(module: str, function: str) -> NoReturn:
    """Import what a command needs and run it; nothing has been changed while it still imports.

    :raises SystemExit: with 130 when ^C comes meanwhile, as a shell has it (128 and the number of the signal).
    """
    try:
        from importlib import import_module

        main = getattr(import_module(module), function)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    main()
    raise SystemExit(0)
