"""What qmail-remote talks to: an SMTP server that asks the provider before it answers.

aiosmtpd reads the commands and the content; the answers to MAIL, RCPT and the content are the provider's.
"""

from __future__ import annotations

import asyncio
import collections
import ssl
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from aiosmtpd.smtp import SMTP

from esmith.proxy.command import Argument
from esmith.proxy.content import Content, Memory
from esmith.proxy.log import Log
from esmith.proxy.provider import Provider, ProviderError
from esmith.proxy.reply import NO_MEMORY, Reply, later
from esmith.proxy.settings import Settings

#: qmail-remote waits for so many seconds (timeoutremote, qmail-remote(8)), so it gets an answer before that.
CLIENT_SECONDS = 1200.0
_MAIL_SECONDS = CLIENT_SECONDS - 60.0
#: How often clients that wait for nothing are looked for, when the proxy is to end, in seconds.
_LOOK_EVERY = 0.05
#: qmail's addresses may be longer than RFC 5321 has it.
_COMMAND_BYTES = 4096
#: So many bytes of a client are held before they are read; twice as many stop it.
_HELD_BYTES = 1 << 16
_NAME = "smtp-auth-proxy"
_BUSY = b"421 4.3.2 too many connections, try again later\r\n"
_ENDING = b"421 4.3.2 the proxy is stopped or restarted, try again later\r\n"

_T = TypeVar("_T")


class Relay:
    """All conversations of the proxy.

    :param settings: where mail goes, and how much is taken at once.
    :param context: how connections to the provider are encrypted.
    """

    def __init__(self, settings: Settings, context: ssl.SSLContext) -> None:
        self.settings = settings
        self.log = Log(settings)
        self.memory = Memory(settings.memory)
        self._context = context
        self._threads = ThreadPoolExecutor(settings.connections, thread_name_prefix=_NAME)
        self._open: set[Conversation] = set()

    def protocol(self) -> asyncio.Protocol:
        """Return what talks to a new client."""
        if len(self._open) >= self.settings.connections:
            return _Refusal()
        return Conversation(self, Provider(self.settings, self._context, self.log))

    def begun(self, conversation: Conversation) -> None:
        """Note a conversation that has begun."""
        self._open.add(conversation)

    def ended(self, conversation: Conversation, provider: Provider, *, works: bool) -> None:
        """Note one that is over, and end its connection to the provider.

        :param works: whether a thread still waits for the provider.
        """
        self._open.discard(conversation)
        if works:
            provider.abort()
        else:
            self._threads.submit(provider.close)

    async def wait(self, work: Callable[[], _T], provider: Provider) -> _T:
        """Have a thread do something with the provider, and wait for it.

        :raises ProviderError: when that fails, or takes too long.
        """
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.wait_for(loop.run_in_executor(self._threads, work), _MAIL_SECONDS)
        except TimeoutError:
            provider.abort()
            raise ProviderError("it does not answer in time") from None
        except asyncio.CancelledError:
            provider.abort()
            raise

    async def end(self) -> None:
        """Wait until all mails that have begun are passed on or refused; others are not begun."""
        while self._open:
            for conversation in [*self._open]:
                conversation.leave()
            await asyncio.sleep(_LOOK_EVERY)
        self._threads.shutdown()


class _Refusal(asyncio.Protocol):
    """Sends a client away when there are too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say so, and close."""
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(_BUSY)
        transport.close()


class _Handler:
    """What aiosmtpd calls besides the commands."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def handle_exception(self, error: Exception) -> str:
        """Log what is a mistake of the proxy, and have the client try again later."""
        self._log.say(f"a mistake of the proxy: {type(error).__name__}: {error}")
        return "451 4.3.0 smtp-auth-proxy made a mistake; its log says more"


class Conversation(SMTP):
    """The conversation with one client, and the one with the provider that belongs to it.

    aiosmtpd calls ``smtp_MAIL``, ``smtp_RCPT`` and ``smtp_DATA`` for these commands. Each asks the provider in a
    thread, and the client gets its answer. All other commands are aiosmtpd's own.

    :param relay: of which it is one.
    :param provider: not connected yet.
    """

    command_size_limit = _COMMAND_BYTES
    line_length_limit = _HELD_BYTES

    def __init__(self, relay: Relay, provider: Provider) -> None:
        self.relay = relay
        self._provider = provider
        # Whether the provider is being asked.
        self._works = False
        self.command_size_limits = collections.defaultdict(lambda: _COMMAND_BYTES)
        super().__init__(
            _Handler(relay.log),
            data_size_limit=relay.settings.largest,
            enable_SMTPUTF8=True,
            hostname=relay.settings.helo,
            ident=_NAME,
            timeout=CLIENT_SECONDS,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.relay.begun(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """End, also for the provider."""
        self.relay.ended(self, self._provider, works=self._works)
        super().connection_lost(error)

    def leave(self) -> None:
        """End, unless a mail has begun."""
        if self._works or self._has_mail:
            return
        if isinstance(self.transport, asyncio.WriteTransport) and not self.transport.is_closing():
            self.transport.write(_ENDING)
            self.transport.close()

    @property
    def _has_mail(self) -> bool:
        return self.envelope is not None and self.envelope.mail_from is not None

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Begin a mail at the provider."""
        assert self.envelope is not None
        if await self.check_helo_needed():
            return
        if self.envelope.mail_from is not None:
            await self.push("503 5.5.1 a mail has begun already")
            return
        sender = Argument.parse("FROM:", arg)
        if sender is None:
            await self.push("501 5.5.4 Syntax: MAIL FROM:<address>")
            return
        if refusal := sender.refusal(self.relay.settings.largest):
            await self.push(refusal)
            return
        reply = await self._asked(lambda: self._begun(sender))
        if reply.is_success:
            self.envelope.mail_from = sender.text
        await self.push(reply.wire())

    def _begun(self, sender: Argument) -> Reply:
        """Return what the provider says to a sender."""
        reply = self._provider.begin(sender.address, sender.passed_on)
        if reply.is_success and sender.needs_utf8 and not self._provider.has("smtputf8"):
            return Reply(550, b"5.6.7 the provider does not take addresses of other scripts (SMTPUTF8)")
        return reply

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Ask the provider for a recipient."""
        assert self.envelope is not None
        if await self.check_helo_needed():
            return
        if self.envelope.mail_from is None:
            await self.push("503 5.5.1 MAIL comes first")
            return
        recipient = Argument.parse("TO:", arg)
        if recipient is None:
            await self.push("501 5.5.4 Syntax: RCPT TO:<address>")
            return
        if recipient.parameters:
            await self.push("555 5.5.4 unknown parameter")
            return
        reply = await self._asked(lambda: self._provider.recipient(recipient.address))
        if reply.is_success:
            self.envelope.rcpt_tos.append(recipient.text)
        await self.push(reply.wire())

    async def smtp_DATA(self, arg: str | None) -> None:
        """Take the content of a mail, pass it on, and give the client the provider's answer."""
        assert self.envelope is not None
        if await self.check_helo_needed():
            return
        if not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 RCPT comes first")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 end the mail with a line that has a dot alone")
        content = Content(self.relay.settings.largest, self.relay.memory)
        try:
            await self._take(content)
            reply = await self._pass_on(content, len(self.envelope.rcpt_tos))
        finally:
            content.release()
        self.envelope = self._create_envelope()
        await self.push(reply.wire())
        if reply is NO_MEMORY and isinstance(self.transport, asyncio.WriteTransport):
            self.transport.close()

    async def _take(self, content: Content) -> None:
        """Take the content of a mail, with no object for each of its lines: other clients are served meanwhile.

        :raises CancelledError: when the client closed the connection before the end of the mail.
        """
        rest = None
        while rest is None:
            block = await self._reader.read(sys.maxsize)
            if not block:
                raise asyncio.CancelledError
            rest = content.take(block)
        # All that was there has been read, so what follows the mail may be restored as what comes next.
        if rest and not self._reader.at_eof():
            self._reader.feed_data(rest)

    async def _pass_on(self, content: Content, recipients: int) -> Reply:
        """Pass the content of a mail on, and return the answer."""
        reply = content.refusal or await self._asked(lambda: self._provider.send(content))
        count = f"{recipients} recipient{'s' if recipients != 1 else ''}"
        self.relay.log.say(f"a mail of {content.size} bytes to {count}: {reply}")
        return reply

    async def _asked(self, work: Callable[[], Reply]) -> Reply:
        """Ask the provider; what breaks on the way is to be tried again.

        :param work: asks it, and waits for its answer.
        """
        settings = self.relay.settings
        self._works = True
        try:
            return await self.relay.wait(work, self._provider)
        except ProviderError as error:
            reason = f"{settings.server} port {settings.port}: {error}"
            self.relay.log.say(f"{reason} ({error.words})" if error.words else reason)
            return later(reason)
        finally:
            self._works = False
