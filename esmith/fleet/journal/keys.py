"""The keys that sign rows: Ed25519, one a host, and one that is used once an invitation."""

from __future__ import annotations

from base64 import b64decode, b64encode

from esmith.errors import StoreError
from esmith.fleet.journal.errors import library_missing
from esmith.fleet.journal.files import read_private, replace_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_BYTES = 32
#: What a file with a key begins with, so that nobody takes it for a password.
_BEGINNING = "esmith-signing-key:"


class SigningKey:
    """A private key. It prints as its public one.

    :param seed: the 32 bytes that it is made from.
    """

    __slots__ = ("_key", "_seed", "public")

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._key, public = _private(seed)
        #: The public key, as rows and members have it: base64 of 32 bytes.
        self.public: str = b64encode(public).decode()

    @classmethod
    def generate(cls) -> SigningKey:
        """Return a new key.

        :raises InstallError: without the library.
        """
        import secrets

        return cls(secrets.token_bytes(_BYTES))

    @classmethod
    def of_text(cls, text: str) -> SigningKey:
        """Return the key that :meth:`secret` wrote as text.

        :raises ValueError: when it is not one.
        """
        seed = b64decode(text.encode("ascii"), validate=True)
        if len(seed) != _BYTES:
            raise ValueError("a key has 32 bytes")
        return cls(seed)

    @classmethod
    def load(cls, path: str) -> SigningKey:
        """Return the key in a file.

        :raises StoreError: when the file is missing, others may read it, or it holds no key.
        """
        text = read_private(path).decode("ascii", "replace").strip()
        try:
            if not text.startswith(_BEGINNING):
                raise ValueError
            return cls.of_text(text[len(_BEGINNING) :])
        except ValueError:
            raise StoreError(
                "is not a signing key", place=path, hint="restore it from a backup, or leave the fleet and join again"
            ) from None

    def save(self, path: str) -> None:
        """Write the key to a file with mode 0600, durably, in place of what is there.

        :raises StoreError: when that is not possible.
        """
        replace_file(path, f"{_BEGINNING}{self.secret()}\n".encode(), 0o600)

    def secret(self) -> str:
        """Return the private key as text: base64 of 32 bytes."""
        return b64encode(self._seed).decode()

    def sign(self, data: bytes) -> bytes:
        """Return the signature of bytes, 64 bytes."""
        return self._key.sign(data)

    def __repr__(self) -> str:
        return f"SigningKey({self.public})"


def verify(public: str, data: bytes, signature: bytes) -> bool:
    """Return whether a signature of bytes was made with the private key of a public one.

    :param public: base64 of 32 bytes; what is no key has signed nothing.
    :raises InstallError: without the library.
    """
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        raise library_missing() from None
    try:
        Ed25519PublicKey.from_public_bytes(b64decode(public, validate=True)).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _private(seed: bytes) -> tuple[Ed25519PrivateKey, bytes]:
    """Return a private key and the bytes of its public one."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    except ImportError:
        raise library_missing() from None
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
