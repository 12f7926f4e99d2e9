"""When the certificate of the mail server ends."""

from __future__ import annotations

import os
import ssl
import time

from esmith.errors import ServiceError
from esmith.fields import dataclass
from esmith.printable import shell_word
from esmith.services.program import run_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout

#: Private key and certificates in one file, as on SME Server (docs/daemons.md#certificates).
PATH = "/home/e-smith/ssl.pem/pem"
#: From how many days before its end on status shows it.
DAYS = 14
_SECONDS = 10.0


@dataclass(frozen=True)
class Certificate:
    """What is wrong with the certificate, or soon will be.

    :param path: the file.
    :param trouble: what is wrong, as a clause.
    :param cure: the commands that help; none where only its owner knows how he got it.
    :param is_valid: whether clients still take it.
    """

    path: str
    trouble: str
    cure: tuple[str, ...] = ()
    is_valid: bool = False


def find_ending(layout: Layout, *, now: float | None = None) -> Certificate | None:
    """Return what is wrong with the certificate: it has ended, ends within :data:`DAYS`, has no key, or is none.

    :param now: seconds since 1970; the present by default.
    :return: None when nothing is wrong, there is none, or this user may not read it.
    """
    path = layout.under(PATH)
    if not os.path.exists(path) or not os.access(path, os.R_OK):
        return None
    argv = ["openssl", "x509", "-noout", "-enddate", "-issuer_hash", "-subject_hash", "-in", path]
    try:
        code, printed = run_program(argv, package="openssl", timeout=_SECONDS, place=PATH)
    except ServiceError:
        return None
    words = printed.removeprefix("notAfter=").split()
    if code != 0 or len(words) < 3:
        return Certificate(PATH, "there is no certificate in it")
    if not _has_key(path):
        return Certificate(PATH, "its private key is missing, has a password, or belongs to another certificate")
    end = ssl.cert_time_to_seconds(" ".join(words[:-2]))
    left = end - (time.time() if now is None else now)
    if left >= DAYS * 86_400:
        return None
    date = time.strftime("%Y-%m-%d", time.localtime(end))
    trouble = f"it ends on {date}" if left > 0 else f"it has ended on {date}: clients refuse it"
    is_own = words[-1] == words[-2]
    cures = (f"rm {shell_word(path)}", "signal-event ssl-update") if is_own else ()
    return Certificate(PATH, trouble, cures, is_valid=left > 0)


def _has_key(path: str) -> bool:
    """Return whether a file has the private key of its certificate, and no daemon has to know a password for it."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, password="")
    except ssl.SSLError as error:
        # A short key is the right one, whatever OpenSSL thinks of it.
        return error.reason in ("EE_KEY_TOO_SMALL", "CA_MD_TOO_WEAK", "CA_KEY_TOO_SMALL")
    except OSError:
        return True
    return True
