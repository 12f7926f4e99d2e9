"""The TLS of this host towards etcd."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from esmith.errors import StoreError


@dataclass(frozen=True)
class Tls:
    """Where the certificates of a client are, as files of PEM.

    :param ca: who signs the certificates of the members.
    :param certificate: the certificate of this host; it must have no common name (CN), which etcd refuses with JSON.
    :param key: its private key.
    """

    ca: str
    certificate: str
    key: str

    def context(self) -> ssl.SSLContext:
        """Read the files.

        :raises StoreError: one cannot be read, or is not what it should be.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        place = self.ca
        try:
            context.load_verify_locations(cafile=self.ca)
            place = self.certificate
            # A key with a passphrase would ask for it at the terminal.
            context.load_cert_chain(self.certificate, self.key, password=lambda: "")
        except ssl.SSLError as error:
            raise StoreError(
                f"not a certificate and its key: {(error.reason or str(error)).replace('_', ' ').lower()}",
                place=place,
                hint="make new ones on the first server: 'esmith fleet certificates --out /root/renewed --client HOST'",
            ) from error
        except OSError as error:
            raise StoreError(
                f"cannot read a certificate or its key: {error.strerror}",
                place=place,
                hint="a member of a fleet has them in /home/e-smith/fleet; 'esmith fleet join' writes them",
            ) from error
        return context
