"""The connection to the provider's server: TLS, login, and one mail after another (RFC 5321, RFC 3207, RFC 4954).

Everything here waits, so it runs in a thread; only :meth:`Provider.abort` may be called from another one.
"""

from __future__ import annotations

import base64
import hmac
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from esmith.errors import ServiceError
from esmith.proxy.connection import Connection
from esmith.proxy.content import Content
from esmith.proxy.hidden import HIDDEN, Hidden
from esmith.proxy.log import Log
from esmith.proxy.reply import Reply
from esmith.proxy.settings import SUBMISSIONS_PORT, Settings

#: How long each address of the server may take to take the connection, in seconds.
_CONNECT_SECONDS = 60.0
#: How long the server may take to answer the last command, in seconds.
_QUIT_SECONDS = 5.0
#: Answers about who we are and not about the mail: the login is missing, or is not what the server wants (RFC 4954).
_OF_LOGIN = frozenset({530, 534, 535, 538})
_READY, _LOGGED_IN, _DONE, _FORWARDED, _GO_ON, _SEND = 220, 235, 250, 251, 334, 354
_CLOSING = 421
#: What may follow the answer to a content: the same answer, or that the server ends.
_AFTER_CONTENT = (b"", b"%d" % _DONE, b"%d" % _CLOSING)
#: What a server may say to RSET that is none of its answers to a content (RFC 5321, 4.2.4 and 4.3.2).
_OF_RESET = frozenset({_CLOSING, 500, 501, 502, 503, 504})


class ProviderError(Exception):
    """The provider cannot be reached, does not let us in, or breaks the rules; it says nothing about the mail.

    :param message: for the client and the log.
    :param words: the provider's words, for the log alone: in any form, they may have the password in them.
    """

    def __init__(self, message: str, words: str = "") -> None:
        super().__init__(message)
        self.words = words


def tls_context(settings: Settings) -> ssl.SSLContext:
    """Return how connections are encrypted.

    :raises ServiceError: when the file of certificates cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or "it holds no certificates"
        hint = "correct the setting: config setprop smtp-auth-proxy CAFile FILE"
        raise ServiceError(f"cannot be used: {reason}", place=settings.ca_file, hint=hint) from error
    if settings.tls != "verified":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Provider:
    """One connection, which is made when there is a mail, and made again when it broke between two mails.

    :param settings: where to, and as whom.
    :param context: of :func:`tls_context`.
    :param log: where the dialogue is noted.
    """

    def __init__(self, settings: Settings, context: ssl.SSLContext, log: Log) -> None:
        self._settings = settings
        self._context = context
        self._log = log
        self._hidden = Hidden(settings.password)
        self._client: Connection | None = None
        self._in_mail = False
        self._aborted = False

    def begin(self, sender: bytes, parameters: Callable[[Callable[[str], bool]], bytes]) -> Reply:
        """Begin a mail, on the connection that is there or on a new one.

        :param sender: the address with its angle brackets.
        :param parameters: gives the parameters of MAIL, for the extensions that the server has.
        :raises ProviderError: when the server cannot be reached, or does not let us in.
        """
        if self._client is not None:
            with suppress(ProviderError):
                if not self._in_mail or self._ask(b"RSET", _DONE).is_success:
                    reply = self._mail(sender, parameters)
                    if reply.code != _CLOSING:
                        return reply
            self.close()
        self._connect()
        return self._mail(sender, parameters)

    def has(self, extension: str) -> bool:
        """Return whether the server has an extension."""
        return self._client is not None and self._client.has_extn(extension)

    def recipient(self, address: bytes) -> Reply:
        """Ask whether a recipient is accepted.

        :param address: with its angle brackets.
        :raises ProviderError: when the connection broke.
        """
        return self._ask(b"RCPT TO:" + address, _DONE, _FORWARDED)

    def send(self, content: Content) -> Reply:
        """Send the content, and return the answer to it; after a success the provider is responsible for the mail.

        :raises ProviderError: when the connection broke, or the answers contradict; perhaps the provider has the mail.
        """
        reply = self._ask(b"DATA", _SEND)
        if reply.code != _SEND:
            return reply
        self._log.debug(f"> ({content.size} bytes)")
        with self._talking() as client:
            for piece in content.pieces():
                client.send(piece)
        reply = self._ask(b".", _DONE)
        self._in_mail = False
        if reply.is_success:
            self._expect_no_other_answer()
        return reply

    def _expect_no_other_answer(self) -> None:
        """Find out whether the answer to the content was one that the server gave before it had the end of it.

        Then another one follows: it is there already, or comes in the place of the answer to the next command.

        :raises ProviderError: when that refuses the mail.
        """
        with self._talking() as client:
            try:
                found = client.unread()[:3]
                if not found:
                    self._log.debug("> RSET")
                    reply = self._heard(client.ask(b"RSET"))
                    found = b"%d" % (_DONE if reply.code in _OF_RESET or not reply.is_refusal else reply.code)
                    if reply.code != _DONE:
                        self._drop()
            except OSError:
                # What breaks after the answer does not take it back; what may still come must answer nothing else.
                self._drop()
                return
            if found not in _AFTER_CONTENT:
                raise ProviderError("it gave two answers to one mail")

    def close(self) -> None:
        """End the connection."""
        if self._client is not None and self._client.sock is not None:
            with suppress(OSError, ValueError):
                self._client.sock.settimeout(_QUIT_SECONDS)
                self._client.docmd("QUIT")
        self._drop()

    def abort(self) -> None:
        """Break the connection, so that whoever waits for it ends: a mail that is not complete is not accepted."""
        self._aborted = True
        sock = self._client.sock if self._client is not None else None
        if sock is not None:
            # Not the method of a TLS socket: after that, what another thread sends would go out plain.
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _mail(self, sender: bytes, parameters: Callable[[Callable[[str], bool]], bytes]) -> Reply:
        reply = self._ask(b"MAIL FROM:" + sender + parameters(self.has), _DONE)
        self._in_mail = self._client is not None
        return reply

    def _connect(self) -> None:
        settings = self._settings
        self._client = client = Connection(settings.helo, settings.timeout)
        with self._talking():
            limit = min(_CONNECT_SECONDS, settings.timeout)
            client.sock = socket.create_connection((settings.server, settings.port), limit)
            client.sock.settimeout(settings.timeout)
            # The end of a mail goes out by itself, and would wait 40 ms for an answer to the packet before it.
            client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._aborted:
                raise ProviderError("nobody waits any more")
            is_encrypted = settings.port == SUBMISSIONS_PORT
            if is_encrypted:
                self._encrypt(client)
            self._expect(self._heard(client.getreply()), _READY, "it does not serve us")
            self._greet(client)
            if not is_encrypted and settings.tls != "disabled":
                if not client.has_extn("starttls"):
                    raise ProviderError(
                        "it offers no encryption (STARTTLS); plain connections are not allowed (smtp-auth-proxy TLS)"
                    )
                self._expect(self._ask(b"STARTTLS", _READY), _READY, "it does not begin encryption")
                self._encrypt(client)
                self._greet(client)
                is_encrypted = True
            if settings.user:
                self._log_in(client, is_encrypted=is_encrypted)

    def _encrypt(self, client: Connection) -> None:
        client.encrypt(self._context, self._settings.server)

    def _greet(self, client: Connection) -> None:
        self._log.debug(f"> EHLO {self._settings.helo}")
        reply = self._heard(client.ehlo())
        if reply.code >= 500:
            self._log.debug(f"> HELO {self._settings.helo}")
            reply = self._heard(client.helo())
        self._expect(reply, _DONE, "it does not serve us")

    def _log_in(self, client: Connection, *, is_encrypted: bool) -> None:
        offered = client.esmtp_features.get("auth", "").upper().split()
        user, password = self._settings.user.encode(), self._settings.password.encode()
        ways = {
            "PLAIN": partial(self._log_in_plain, user, password),
            "LOGIN": partial(self._log_in_login, user, password),
            "CRAM-MD5": partial(self._log_in_cram_md5, user, password),
        }
        # A plain connection is to show as little as possible.
        order = list(ways) if is_encrypted else [*reversed(ways)]
        chosen = next((way for way in order if way in offered), None)
        if chosen is None:
            raise ProviderError(f"it offers no way to log in that is known here, only: {' '.join(offered) or 'none'}")
        reply = ways[chosen]()
        if reply.code != _LOGGED_IN:
            raise ProviderError(f"it does not accept the user name and the password: {reply.codes}", str(reply))

    def _log_in_plain(self, user: bytes, password: bytes) -> Reply:
        secret = base64.b64encode(b"\0" + user + b"\0" + password)
        return self._ask(b"AUTH PLAIN " + secret, _LOGGED_IN, shown="AUTH PLAIN ****")

    def _log_in_login(self, user: bytes, password: bytes) -> Reply:
        reply = self._ask(b"AUTH LOGIN", _GO_ON, shown="AUTH LOGIN")
        for answer, expected in ((user, _GO_ON), (password, _LOGGED_IN)):
            if reply.code != _GO_ON:
                return reply
            reply = self._ask(base64.b64encode(answer), expected, shown="****")
        return reply

    def _log_in_cram_md5(self, user: bytes, password: bytes) -> Reply:
        reply = self._ask(b"AUTH CRAM-MD5", _GO_ON, shown="AUTH CRAM-MD5")
        if reply.code != _GO_ON:
            return reply
        digest = hmac.new(password, base64.b64decode(reply.text), "md5").hexdigest()
        return self._ask(base64.b64encode(user + b" " + digest.encode()), _LOGGED_IN, shown="****")

    def _ask(self, command: bytes, *expected: int, shown: str = "") -> Reply:
        """Send a command and return the answer: a refusal, or one of those that this command has.

        :param expected: the codes that say it was done (RFC 5321, 4.3.2).
        :param shown: what the log shows of a command of the login.
        :raises ProviderError: when the connection broke, the answer is another one, or it is about our login.
        """
        self._log.debug(f"> {shown or command.decode('utf-8', 'replace')}")
        with self._talking() as client:
            answer = client.ask(command)
            reply = self._heard(answer, command.split(b" ")[-1] if shown.endswith(HIDDEN.decode()) else b"")
            if reply.code not in expected and not reply.is_refusal:
                asked = shown or command.split(b":")[0].decode()
                raise ProviderError(f"it answered {reply.codes} to {asked}, which is no answer to that", str(reply))
            if reply.code in _OF_LOGIN and not shown:
                raise ProviderError(f"it wants another login: {reply}")
            if reply.code == _CLOSING:
                self._in_mail = False
                self._drop()
        # A challenge is calculated with, and shown nowhere but in the log.
        return Reply(*answer) if reply.code == _GO_ON else reply

    def _heard(self, answer: tuple[int, bytes], sent: bytes = b"") -> Reply:
        """Return an answer without the password, which some servers repeat."""
        reply = Reply(answer[0], self._hidden.hide(answer[1], sent))
        self._log.debug(f"< {reply}")
        return reply

    @staticmethod
    def _expect(reply: Reply, code: int, otherwise: str) -> None:
        if reply.code != code:
            raise ProviderError(f"{otherwise}: {reply}")

    @contextmanager
    def _talking(self) -> Iterator[Connection]:
        """Give the connection; after an error there is none any more."""
        client = self._client
        try:
            if client is None or self._aborted:
                raise ProviderError("the connection is lost")
            yield client
        except ProviderError:
            self._drop()
            raise
        except (OSError, ValueError) as error:
            # smtplib's own errors are OSErrors; ValueErrors come of names and base64.
            self._drop()
            raise ProviderError(_reason(error)) from error

    def _drop(self) -> None:
        client, self._client = self._client, None
        self._in_mail = False
        if client is not None:
            client.close()


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    # smtplib hides what happened behind an error of its own.
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, smtplib.SMTPServerDisconnected | ConnectionResetError):
        return "it closed the connection"
    return str(error)
