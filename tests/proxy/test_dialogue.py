"""A provider that breaks the rules: the client hears 250 only when it took the whole mail and answered 250 to it."""

from __future__ import annotations

import smtplib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.examples import examples

from .kit import Proxy, Wire

_STAGES = (b"", b"EHLO", b"HELO", b"MAIL", b"RCPT", b"DATA", b".", b"RSET")
#: The forms of an answer with one code.
_ONE_CODE = (b"% words\r\n", b"%\r\n", b"%-more\r\n% words\r\n")
_RIGHT = {b"": b"220", b"DATA": b"354"}


@dataclass(frozen=True)
class Act:
    """What the provider does at one stage: it says some answers at once, and perhaps hangs up.

    :param codes: of the answers; none for hanging up without a word.
    :param form: how each is written, with ``%`` for the code.
    """

    codes: tuple[bytes, ...]
    form: bytes = b"% words\r\n"
    hangs_up: bool = False

    def wire(self) -> bytes:
        """Return the answers as they are sent."""
        return b"".join(self.form.replace(b"%", code) for code in self.codes)


@dataclass
class Script:
    """One example: what happens at each stage the first times, and as it should be after that; and what came of it.

    :param taken: the mails to which the provider answered 250 first, when it had all of them.
    :param doubtful: the mails to which it gave other answers besides.
    """

    acts: dict[bytes, list[Act]] = field(default_factory=dict)
    taken: list[bytes] = field(default_factory=list)
    doubtful: list[bytes] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, stage: bytes) -> Act:
        """Return what happens now."""
        with self.lock:
            acts = self.acts.get(stage)
            return acts.pop(0) if acts else Act((_RIGHT.get(stage, b"250"),))


class Rude:
    """A provider that follows a script. It takes a content whenever one of its answers to DATA was 354."""

    def __init__(self) -> None:
        self.script = Script()
        self.wire = Wire(self._talk)

    def _talk(self, file: Any, _connection: socket.socket) -> None:
        script = self.script
        content: bytes | None = None
        act = script.next(b"")
        file.write(act.wire())
        while not act.hangs_up and act.codes:
            line = file.readline()
            if not line:
                return
            stage = line.split()[0].split(b":")[0].upper()
            act = script.next(stage)
            if stage == b"RSET" and content is not None and act.codes != (b"250",):
                script.doubtful.append(content)
            content = None
            self._write(file, act)
            if stage == b"DATA" and b"354" in act.codes and not act.hangs_up:
                content = self._content(file)
                if content is None:
                    return
                act = script.next(b".")
                if act.codes[:1] == (b"250",) and act.form in _ONE_CODE:
                    script.taken.append(content)
                if len(set(act.codes)) > 1:
                    script.doubtful.append(content)
                self._write(file, act)

    @staticmethod
    def _write(file: Any, act: Act) -> None:
        if act.codes:
            file.write(act.wire())

    @staticmethod
    def _content(file: Any) -> bytes | None:
        """Return a whole content, None when the client hung up."""
        lines: list[bytes] = []
        while (line := file.readline()) != b".\r\n":
            if not line.endswith(b"\r\n"):
                return None
            lines.append(line)
        return b"".join(lines)


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Proxy, Rude]]:
    """A proxy before a provider that follows scripts."""
    rude = Rude()
    place = {"Server": "127.0.0.1", "Port": str(rude.wire.port), "TLS": "disabled"}
    proxy = Proxy(Path(tmp_path_factory.mktemp("dialogue")), place)
    yield proxy, rude
    proxy.stop()
    rude.wire.stop()


def _content(number: int) -> bytes:
    return b"Subject: %d\r\n\r\nhello\r\n" % number


def _mail(client: smtplib.SMTP, number: int) -> list[int]:
    """Send a mail to two recipients as qmail-remote does, and return the codes of the answers."""
    client.rset()
    codes = [client.docmd("MAIL", "FROM:<tom@a.test>")[0]]
    if codes[0] != 250:
        return codes
    codes += [client.docmd("RCPT", f"TO:<{name}@b.test>")[0] for name in ("x", "y")]
    if any(code < 400 for code in codes[1:]):
        codes.append(client.data(_content(number))[0])
    return codes


_CODES = st.sampled_from([b"250", b"354", b"250", b"354", b"251", b"220", b"334", b"421", b"451", b"550", b"554"]) | (
    st.integers(0, 999).map(lambda number: b"%03d" % number)
)
_FORMS = st.sampled_from([_ONE_CODE[0]] * 6 + [*_ONE_CODE, b"%-other\r\n251 words\r\n", b"%x\r\n"])


@st.composite
def _acts(draw: st.DrawFn, stage: bytes) -> Act:
    right = _RIGHT.get(stage, b"250")
    first = draw(st.just(right) | _CODES)
    codes = draw(st.just((first,)) | st.just((first, first)) | st.tuples(st.just(first), _CODES) | st.just(()))
    return Act(codes, draw(_FORMS), draw(st.sampled_from([False, False, False, True])))


_RIGHT_ACTS = {stage: Act((_RIGHT.get(stage, b"250"),)) for stage in _STAGES}
_SCRIPTS = st.fixed_dictionaries(
    {}, optional={stage: st.lists(_acts(stage) | st.just(_RIGHT_ACTS[stage]), max_size=3) for stage in _STAGES}
)


@settings(max_examples=examples(200), deadline=None)
@given(acts=_SCRIPTS)
def test_250_means_that_the_provider_has_the_mail(way: tuple[Proxy, Rude], acts: dict[bytes, list[Act]]) -> None:
    """Whatever the provider says, and how often, the client hears 250 for the mails that it took, and for no other.

    Where its answers to one content contradict, the client may hear 451 for a mail that the provider has: it is sent
    twice rather than lost.
    """
    proxy, rude = way
    rude.script = script = Script({stage: [*some] for stage, some in acts.items()})
    heard: set[int] = set()
    with proxy.client() as client:
        for number in range(3):
            codes = _mail(client, number)
            event(f"{len(codes)} answers, the last {codes[-1] // 100}")
            assert all(200 <= code < 600 and code // 100 != 3 for code in codes)
            if len(codes) == 4 and codes[-1] == 250:
                heard.add(number)
    taken = {number for number in range(3) if _content(number) in script.taken}
    doubtful = {number for number in range(3) if _content(number) in script.doubtful}
    assert heard <= taken
    assert taken - doubtful <= heard


@pytest.mark.parametrize(
    ("stage", "act"),
    [
        (b"DATA", Act((b"250",))),
        (b"DATA", Act((b"220",))),
        (b"DATA", Act((b"334",))),
        (b"DATA", Act((b"354", b"354"))),
        (b"DATA", Act((b"354", b"250"))),
        (b"DATA", Act((b"250", b"354"))),
        (b"MAIL", Act((b"250", b"250"))),
        (b"MAIL", Act((b"354",))),
        (b"RCPT", Act((b"250", b"250"))),
        (b"RCPT", Act((b"354",))),
        (b"RCPT", Act((b"235",))),
        (b".", Act((b"354",))),
        (b".", Act((b"220",))),
        (b".", Act((b"251",))),
        (b".", Act((b"250", b"554"))),
        (b".", Act((b"250",), b"%-first\r\n554 second\r\n")),
        (b".", Act((b"250",), b"%")),
    ],
)
def test_an_answer_to_another_command(way: tuple[Proxy, Rude], stage: bytes, act: Act) -> None:
    """A wrong answer, and one that nobody asked for, is 451 for this mail; the next goes over a new connection."""
    proxy, rude = way
    rude.script = script = Script({stage: [Act(act.codes, act.form, hangs_up=act.form == b"%")]})
    with proxy.client() as client:
        assert _mail(client, 1)[-1] == 451
        assert _mail(client, 2) == [250, 250, 250, 250]
    assert script.taken[-1:] == [_content(2)]


@pytest.mark.parametrize(
    "act", [Act((b"250", b"421")), Act((b"250", b"250")), Act((b"250",), hangs_up=True), Act((b"250",), b"%\r\n")]
)
def test_an_answer_that_stays_true(way: tuple[Proxy, Rude], act: Act) -> None:
    """What follows the answer to a content without contradicting it does not have the mail sent twice."""
    proxy, rude = way
    rude.script = script = Script({b".": [act]})
    with proxy.client() as client:
        assert _mail(client, 1) == [250, 250, 250, 250]
        assert _mail(client, 2) == [250, 250, 250, 250]
    assert script.taken == [_content(1), _content(2)]


def test_an_answer_without_end(way: tuple[Proxy, Rude]) -> None:
    """An answer that is longer than any is not kept in memory."""
    proxy, rude = way
    rude.script = Script({b"MAIL": [Act((b"250",) * 100_000, b"%-more\r\n", hangs_up=True)]})
    with proxy.client() as client:
        code, text = client.docmd("MAIL", "FROM:<tom@a.test>")
    assert (code, text.endswith(b"its answer is none of SMTP")) == (451, True)


@dataclass
class Hasty:
    """A provider that answers to a content before it has looked at it, and gives its verdict after the next command.

    :param verdict: the code of its second answer, "" for none.
    :param reset: that of its answer to RSET, "" for hanging up.
    """

    verdict: str
    reset: str = "250"
    sessions: int = 0

    def talk(self, file: Any, _connection: socket.socket) -> None:
        """Speak with a client."""
        self.sessions += 1
        file.write(b"220 ready\r\n")
        late = b""
        while line := file.readline():
            stage = line.split()[0].split(b":")[0].upper()
            if stage == b"RSET" and not self.reset:
                return
            file.write(late)
            late = b""
            if stage == b"DATA":
                file.write(b"354 go on\r\n")
                while file.readline() != b".\r\n":
                    pass
                late = f"{self.verdict} verdict\r\n".encode() if self.verdict else b""
            file.write(f"{self.reset if stage == b'RSET' else 250} done\r\n".encode())


@pytest.mark.parametrize(
    ("hasty", "code"),
    [
        (Hasty("554"), 451),
        (Hasty("550"), 451),
        (Hasty("452"), 451),
        (Hasty("530"), 451),
        (Hasty("250"), 250),
        (Hasty(""), 250),
        (Hasty("", "500"), 250),
        (Hasty("", "502"), 250),
        (Hasty("", "421"), 250),
        (Hasty("", "220"), 250),
        (Hasty("", "xyz"), 250),
        (Hasty("", ""), 250),
    ],
)
def test_an_answer_that_comes_too_early(tmp_path: Path, hasty: Hasty, code: int) -> None:
    """The answer to a content counts only if no refusal comes in the place of the next one.

    A server that does not know RSET, hangs up or speaks nonsense then, has taken the mail.
    """
    wire = Wire(hasty.talk)
    proxy = Proxy(tmp_path, {"Server": "127.0.0.1", "Port": str(wire.port), "TLS": "disabled"})
    with proxy.client() as client:
        assert _mail(client, 1)[-1] == code
    proxy.stop()
    wire.stop()
