"""What the proxy logs: one line for each mail and each trouble; never a password, never what is in a mail."""

from __future__ import annotations

from contextlib import suppress

from esmith.printable import printable
from esmith.proxy.hidden import Hidden
from esmith.proxy.settings import Settings


class Log:
    """Writes lines to the standard output, from which the service's logger takes them.

    :param settings: with the secret that is shown as ``****``, also where the provider repeats it.
    """

    def __init__(self, settings: Settings) -> None:
        self._debug = settings.debug
        self._hidden = Hidden(settings.password)

    def say(self, text: str) -> None:
        """Write a line; where nobody reads it any more, nothing is written."""
        text = self._hidden.hide(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
        with suppress(OSError):
            print(printable(text), flush=True)

    def debug(self, text: str) -> None:
        """Write a line of the dialogue with the provider, where that is wanted."""
        if self._debug:
            self.say(text)
