"""The hash of a password, as shadow(5) has it."""

from __future__ import annotations

from esmith.errors import InstallError


def hash_of(password: str) -> str:
    """Return the hash of a password, of the kind this system prefers (crypt(3), crypt_gensalt(3)).

    :raises InstallError: when the library is missing, or cannot do it.
    """
    import ctypes

    try:
        library = ctypes.CDLL("libcrypt.so.1")
    except OSError as error:
        raise InstallError(f"passwords cannot be hashed: {error}", hint="run: apt-get install libcrypt1") from error
    for function in (library.crypt_gensalt, library.crypt):
        function.restype = ctypes.c_char_p
    setting = library.crypt_gensalt(None, ctypes.c_ulong(0), None, 0)
    found: bytes | None = setting and library.crypt(password.encode("utf-8", "surrogateescape"), setting)
    # What crypt(3) gives for a failure begins with *, which no hash does.
    if not found or found.startswith(b"*"):
        raise InstallError("crypt(3) gave no hash of the password")
    return found.decode("ascii")
