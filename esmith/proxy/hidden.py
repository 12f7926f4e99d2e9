"""Hiding the password in what the provider says: some servers repeat what they did not understand."""

from __future__ import annotations

import base64
import re
from contextlib import suppress

HIDDEN = b"****"
_WORD = re.compile(rb"[A-Za-z0-9+/=]+")
#: So many characters of a word of base64 are enough to know it by: a server may cut what it repeats.
_KNOWN_BY = 8
#: Shorter parts of base64 are found in any word.
_SHORTEST_PART = 4


class Hidden:
    """Replaces a password in texts.

    :param password: "" for none.
    """

    def __init__(self, password: str) -> None:
        secret = password.encode()
        self._written = re.compile(b"|".join(map(re.escape, _written(password))), re.IGNORECASE) if secret else None
        self._parts = _parts(secret) if secret else frozenset()

    def hide(self, text: bytes, sent: bytes = b"") -> bytes:
        """Return a text with ``****`` for each form of the password: as it is, hexadecimal, and base64.

        A word of base64 is hidden as a whole, wherever the password begins in it: its ends depend on the password, too.

        :param sent: a word that was sent and is hidden, too, also where only its beginning is repeated.
        """
        known = sent[:_KNOWN_BY].lower()
        if self._written is not None:
            text = _WORD.sub(lambda found: HIDDEN if self._is_secret(found[0].lower(), known) else found[0], text)
            text = self._written.sub(HIDDEN, text)
        return text

    def _is_secret(self, word: bytes, known: bytes) -> bool:
        return (known != b"" and word.startswith(known)) or any(part in word for part in self._parts)


def _written(password: str) -> list[bytes]:
    """Return the bytes that a password may be written with, the longest first."""
    secret = password.encode()
    found = {secret, secret.hex().encode()}
    with suppress(UnicodeEncodeError):
        found.add(password.encode("latin-1"))
    return sorted(found, key=len, reverse=True)


def _parts(secret: bytes) -> frozenset[bytes]:
    """Return what a word of base64 has in it when the bytes in it have a secret in them, in lower case.

    Three bytes make four characters. So it depends on how many bytes stand before the secret, and the characters at its
    ends depend on the bytes around it as well.
    """
    found = {base64.b64encode(secret).rstrip(b"=")}
    for before in range(3):
        word = base64.b64encode(bytes(before) + secret)
        part = word[(before * 8 + 5) // 6 : (before + len(secret)) * 8 // 6]
        if len(part) >= _SHORTEST_PART:
            found.add(part)
    return frozenset(part.lower() for part in found)
