"""Which values are secrets though no schema file says so: a contrib's ``DbPassword``, or a key of one's own."""

from __future__ import annotations

#: Wherever they are in a name.
_CERTAIN = (
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "apikey",
    "authkey",
    "accesskey",
    "privatekey",
    "sharedkey",
    "secretkey",
    "encryptionkey",
    "signingkey",
    "credential",
)
#: As the end of a word, e.g. in ``clientsecret``.
_ENDINGS = ("secret", "secrets", "token", "tokens", "pwd", "pw")
#: As a word; "pass" only as the last one, for ``ProxyPassTarget`` and ``PassThrough`` are none.
_WORDS = ("psk", "cred", "creds")
_WORD = r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+"
#: What a switch or an empty field holds.
_NEVER = {"", "yes", "no", "true", "false", "on", "off", "enabled", "disabled", "0", "1"}
#: Stands for a secret wherever it would be shown.
MASK = "****"
#: A shorter value is found in every other text by chance.
LEAST_LENGTH = 4


def looks_secret(name: str) -> bool:
    """Return whether a property of this name holds a password, a key or the like, as far as a name shows."""
    if "@" in name:
        return False  # a list of addresses, e.g. wbl.global
    letters = "".join(letter for letter in name.lower() if "a" <= letter <= "z")
    if any(certain in letters for certain in _CERTAIN):
        return True
    # Most names have no such part, and patterns take longer to import than a "setprop" takes.
    if not any(part in name.lower() for part in (*_ENDINGS, *_WORDS, "pass")):
        return False
    import re

    words = [word.lower() for word in re.findall(_WORD, name)]
    if any(word.endswith(_ENDINGS) or word in _WORDS for word in words):
        return True
    return words[-1:] == ["pass"] and words[-2:] != ["proxy", "pass"]


def cannot_be_secret(value: str) -> bool:
    """Return whether a value is empty or that of a switch, as ``enabled``."""
    return value.lower() in _NEVER


def is_findable(value: str) -> bool:
    """Return whether a value may be looked for in texts: it would not be found in others by chance."""
    return len(value) >= LEAST_LENGTH and not cannot_be_secret(value)
