"""Lists of ciphers, tried with the OpenSSL of this machine. Of its own, because few commands need Python's ``ssl``."""

from __future__ import annotations

import ssl


def refusal_of(value: str) -> str | None:
    """Return why a program cannot use a list of ciphers, None when it can.

    A list in which OpenSSL knows nothing keeps a program from starting. One unknown word among others does not: it is
    ignored (ciphers(1ssl)). Those of TLS 1.3 do not count, because they are set elsewhere
    (SSL_CTX_set_cipher_list(3ssl)).
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(value)
    except (ssl.SSLError, ValueError):
        return "names no cipher that OpenSSL of this machine offers; 'openssl ciphers' lists them"
    return None
