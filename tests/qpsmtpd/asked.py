"""Plugins of qpsmtpd that are asked one by one, by a perl that has no server around them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence

from tests.programs import path_of
from tests.qpsmtpd.daemon import DEBIAN_PLUGINS, PERL, PLUGINS

#: The plugin that reads each list.
READERS = {
    "badmailfrom": DEBIAN_PLUGINS / "badmailfrom",
    "badrcptto": DEBIAN_PLUGINS / "badrcptto",
    "badhelo": DEBIAN_PLUGINS / "helo",
    "relayclients": DEBIAN_PLUGINS / "relay",
    "whitelistsenders": PLUGINS / "whitelist_soft",
    "whitelisthelo": PLUGINS / "whitelist_soft",
    "whitelisthosts": PLUGINS / "whitelist_soft",
}


class Asked:
    """A perl with the plugins (perl/ask_plugin.pl)."""

    def __init__(self) -> None:
        command = [str(path_of("perl")), str(PERL / "ask_plugin.pl")]
        self._perl = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def says(self, list: str, lines: Iterable[str], texts: Sequence[str]) -> dict[str, str]:
        """Return the answers of the reader of a list about senders, recipients, greetings or clients: 1, 0 or error."""
        contents = "".join(f"{line}\n" for line in lines)
        words = [str(READERS[list]), list, contents or "\n", *texts]
        assert self._perl.stdin is not None
        assert self._perl.stdout is not None
        self._perl.stdin.write((" ".join(word.encode().hex() for word in words) + "\n").encode())
        self._perl.stdin.flush()
        answers = self._perl.stdout.readline().decode().split()
        assert len(answers) == len(texts), "perl ended"
        return dict(zip(texts, answers, strict=True))

    def close(self) -> None:
        """End perl."""
        self._perl.communicate()
