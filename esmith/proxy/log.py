"""What the proxy logs: one line for each mail and each trouble; never a password, never what is in a mail."""

from __future__ import annotations

import base64
from contextlib import suppress

from esmith.printable import printable
from esmith.proxy.settings import Settings

_HIDDEN = "****"


class Log:
    """Writes lines to the standard output, from which the service's logger takes them.

    :param settings: with the secret that is shown as ``****``, also where the provider repeats it.
    """

    def __init__(self, settings: Settings) -> None:
        self._debug = settings.debug
        secret = settings.password.encode()
        forms = (settings.password, base64.b64encode(secret).decode(), secret.hex())
        self._secrets = sorted({form for form in forms if form}, key=len, reverse=True)

    def say(self, text: str) -> None:
        """Write a line; where nobody reads it any more, nothing is written."""
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        with suppress(OSError):
            print(printable(text), flush=True)

    def debug(self, text: str) -> None:
        """Write a line of the dialogue with the provider, where that is wanted."""
        if self._debug:
            self.say(text)
