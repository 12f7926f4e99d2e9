"""Lists of ciphers, tried with the OpenSSL of this machine. Of its own, because few commands need Python's ``ssl``."""

from __future__ import annotations

import re
import ssl

from esmith.names import nearest

#: What stands for several ciphers, today or in older versions (ciphers(1ssl)).
_KEYWORDS = """
DEFAULT COMPLEMENTOFDEFAULT ALL COMPLEMENTOFALL HIGH MEDIUM LOW EXP EXPORT EXPORT40 EXPORT56 eNULL NULL aNULL
kRSA aRSA RSA kDHr kDHd kDH kDHE kEDH DH DHE EDH ADH kEECDH kECDHE ECDH ECDHE EECDH AECDH aDSS DSS aDH aECDSA
ECDSA TLSv1.2 TLSv1.0 TLSv1 SSLv3 SSLv2 AES128 AES256 AES AESGCM AESCCM AESCCM8 ARIA128 ARIA256 ARIA
CAMELLIA128 CAMELLIA256 CAMELLIA CHACHA20 3DES DES RC4 RC2 IDEA SEED MD5 SHA1 SHA SHA256 SHA384 aGOST aGOST01
kGOST GOST94 GOST89MAC PSK kPSK kECDHEPSK kDHEPSK kRSAPSK aPSK SRP kSRP aSRP CBC FIPS SUITEB128 SUITEB128ONLY
SUITEB192
"""


def refusal_of(value: str) -> str | None:
    """Return why a program cannot use a list of ciphers, None when it can.

    A list in which OpenSSL knows nothing keeps a program from starting. One unknown word among others does not: it is
    ignored (ciphers(1ssl)). Those of TLS 1.3 do not count, because they are set elsewhere
    (SSL_CTX_set_cipher_list(3ssl)).
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(value)
    except (ssl.SSLError, ValueError):
        if value.strip().startswith("TLS_"):
            return "names ciphers of TLS 1.3, which are always on; the list is for the versions before it"
        return "names no cipher that OpenSSL of this machine offers; 'openssl ciphers' lists them"
    return None


def misspelt(value: str) -> list[tuple[str, str]]:
    """Return the words of a list that OpenSSL ignores, each with the one that was meant perhaps.

    ``HIGH:!aNUL`` offers what ``HIGH:!aNULL`` leaves out.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:COMPLEMENTOFALL")
    known = {*_KEYWORDS.split(), *(str(cipher["name"]) for cipher in context.get_ciphers())}
    words = [word.lstrip("!-+") for entry in re.split(r"[:, ;]+", value) for word in entry.split("+")]
    unknown = [word for word in words if word and word[0] != "@" and word not in known]
    return [(word, close) for word in dict.fromkeys(unknown) if (close := nearest(word, known))]
