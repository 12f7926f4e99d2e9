"""Names of accounts that no mail reaches: a hint when one is set; ``templates/var/qmail/receiver`` leaves them out."""

from __future__ import annotations

import re

#: qmail reads ':' and '@' itself, badrcptto refuses '%' and '!' as routing, and an address with other signs is one only
#: in quotes. A '#' begins a comment.
_NAME = re.compile(r"[a-z0-9_+=&'~$^*?{}|`-][a-z0-9._+=&'~$^*?{}|`#-]*")
#: A file name has at most 255 bytes, and ``.qmail-NAME-default`` has more than the name. An address has at most 64
#: before the @ (RFC 5321, 4.5.3.1.1), but qmail does not care.
_LONGEST = 200


def name_fault(name: str, type: str) -> str:
    """Return why no mail can reach an account, whatever else is set; "" when some can.

    :param name: the key of its record; that of a pseudonym may be an address.
    :param type: the type of its record.
    """
    part = name.lower().rpartition("@")[0] if "@" in name else name.lower()
    if ":" in name:
        return "qmail allows no ':' in a name"
    if not _NAME.fullmatch(part):
        return "no mail can be addressed to such a name"
    if len(part.encode()) > _LONGEST:
        return f"it is longer than {_LONGEST} bytes, and files are named for it"
    if part == "alias" or part.startswith("alias-") or (part == "shared" and type != "system"):
        return "qmail needs the name for itself"
    return ""
