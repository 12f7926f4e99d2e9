"""The arguments of MAIL and RCPT: an address, and parameters (RFC 5321, RFC 1870, RFC 6152, RFC 6531)."""

from __future__ import annotations

import re
from collections.abc import Callable

from esmith.proxy.reply import TOO_LONG

#: An address in angle brackets, in which a quoted part may hold any character (RFC 5321).
_ADDRESS = re.compile(r'\s*(<(?:"(?:[^"\\]|\\.)*"|[^>"])*>)\s*(.*)')
#: To a server that reads them as line ends they would be commands.
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
#: The extension that each parameter of MAIL is of.
_EXTENSIONS = {b"SIZE": "size", b"BODY": "8bitmime", b"SMTPUTF8": "smtputf8"}


class Argument:
    """What a client wrote after MAIL or RCPT.

    :param address: as it stands in its angle brackets, and with them.
    :param parameters: what follows it.
    """

    def __init__(self, address: bytes, parameters: list[bytes]) -> None:
        self.address = address
        self.parameters = parameters

    @classmethod
    def parse(cls, keyword: str, text: str | None) -> Argument | None:
        """Return the argument of a command, None when it has not the right form.

        :param keyword: ``FROM:`` or ``TO:``.
        :param text: what follows the name of the command.
        """
        if text is None or text[: len(keyword)].upper() != keyword:
            return None
        found = _ADDRESS.fullmatch(text[len(keyword) :])
        if found is None:
            return None
        address, parameters = (part.encode("utf-8", "surrogateescape") for part in found.groups())
        return None if _CONTROL.search(address) else cls(address, parameters.split())

    @property
    def text(self) -> str:
        """The address as aiosmtpd has it."""
        return self.address.decode("utf-8", "surrogateescape")

    @property
    def needs_utf8(self) -> bool:
        """Whether the addresses of the mail may have letters of any script."""
        return any(parameter.upper() == b"SMTPUTF8" for parameter in self.parameters)

    def refusal(self, largest: int) -> str:
        """Return why a MAIL with these parameters is refused, "" for no reason.

        :param largest: how many bytes a mail may have.
        """
        for parameter in self.parameters:
            name, _, value = parameter.upper().partition(b"=")
            if name == b"SIZE" and value.isdigit():
                if int(value) > largest:
                    return str(TOO_LONG)
            elif parameter.upper() not in (b"BODY=7BIT", b"BODY=8BITMIME", b"SMTPUTF8"):
                return "555 5.5.4 unknown parameter"
        return ""

    def passed_on(self, has: Callable[[str], bool]) -> bytes:
        """Return the parameters for a server, each with a blank before it: those of extensions that it has.

        :param has: whether the server has an extension.
        """
        names = (parameter.upper().partition(b"=")[0] for parameter in self.parameters)
        pairs = zip(names, self.parameters, strict=True)
        return b"".join(b" " + parameter for name, parameter in pairs if has(_EXTENSIONS[name]))
