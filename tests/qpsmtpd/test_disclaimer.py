"""disclaimer: a text at the end of what goes out."""

from __future__ import annotations

from base64 import b64encode
from email.message import Message
from quopri import encodestring

import pytest

from tests.qpsmtpd.conftest import Serve
from tests.qpsmtpd.daemon import Queued, needs_qpsmtpd, text_message

pytestmark = needs_qpsmtpd

LOCAL, OUTSIDE = "127.0.5.1", "127.0.2.2"
TEXT = ["Example Ltd.", "", "  Only for the person named above."]
ADDED = "\nExample Ltd.\n\n  Only for the person named above.\n"
HTML = "<p>Example Ltd.<br>\n<br>\n  Only for the person named above.</p>\n"
GREEK = "Γειά\n"


def _sent(
    serve: Serve,
    message: str | bytes,
    *,
    text: list[str] = TEXT,
    recipients: list[str] | None = None,
    source: str = LOCAL,
    sender: str = "tom@example.com",
    plugins: tuple[str, ...] = (),
) -> Queued:
    daemon = serve("disclaimer", *plugins, files={"disclaimer": text})
    assert daemon.send(sender, recipients or ["friend@elsewhere.net"], message, source=source).taken, daemon.log()
    return daemon.only()


def _decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode(part.get_content_charset("us-ascii"))


@pytest.mark.parametrize(
    ("recipients", "source", "sender", "added"),
    [
        pytest.param(["friend@elsewhere.net"], LOCAL, "tom@example.com", True, id="from inside to outside"),
        pytest.param(["jack@example.com"], LOCAL, "tom@example.com", False, id="from inside to inside"),
        pytest.param(["jack@example.com"], OUTSIDE, "someone@sender.org", False, id="from outside to inside"),
        pytest.param(["jack@example.com", "friend@elsewhere.net"], LOCAL, "tom@example.com", True, id="to both"),
        pytest.param(["friend@elsewhere.net"], LOCAL, "", False, id="a bounce"),
    ],
)
def test_only_outgoing_mail(serve: Serve, recipients: list[str], source: str, sender: str, added: bool) -> None:
    """The text goes to mail from us to others, and to no other mail."""
    queued = _sent(serve, text_message("Hello\n"), recipients=recipients, source=source, sender=sender)
    assert queued.body == "Hello\n" + (ADDED if added else "")


@pytest.mark.parametrize(
    ("files", "sender", "text"),
    [
        pytest.param({"disclaimer": ["all"]}, "tom@example.com", "all", id="general"),
        pytest.param({"disclaimer_example.com": ["own"]}, "tom@Example.COM", "own", id="own"),
        pytest.param({"disclaimer_example.com": ["own"], "disclaimer": ["all"]}, "tom@example.com", "own", id="both"),
        pytest.param({"disclaimer_example.com": ["own"], "disclaimer": ["all"]}, "tom@test.com", "all", id="other"),
        pytest.param({"disclaimer_example.com": ["own"]}, "tom@test.com", None, id="none for this domain"),
        pytest.param({"disclaimer_example.com": [""], "disclaimer": ["all"]}, "a@example.com", None, id="empty"),
        pytest.param({"disclaimer": ["# a line like this", "", "too"]}, "a@example.com", "# a line like this\n\ntoo"),
    ],
)
def test_each_domain_may_have_its_text(serve: Serve, files: dict[str, list[str]], sender: str, text: str) -> None:
    """The text of the sender's domain goes before the general one, as it stands in the file."""
    daemon = serve("disclaimer", files=files)
    assert daemon.send(sender, ["friend@elsewhere.net"], text_message("Hello\n"), source=LOCAL).taken
    assert daemon.only().body == "Hello\n" + (f"\n{text}\n" if text else "")


LONG = "".join(f"line {number}\n" for number in range(3000))


@pytest.mark.parametrize(
    ("body", "content", "encoding"),
    [
        pytest.param("Hello\n", None, None, id="no Content-Type"),
        pytest.param("Hello\n", "text/plain", None, id="plain"),
        pytest.param("Hello", 'text/plain; format=flowed; charset="UTF-8"', "8bit", id="flowed"),
        pytest.param(GREEK, "text/plain; charset=utf-8", "8bit", id="8bit"),
        pytest.param(encodestring(GREEK.encode()).decode(), "text/plain; charset=utf-8", "quoted-printable", id="qp"),
        pytest.param("Hello=\n world=\n", "text/plain", "Quoted-Printable", id="soft line break at the end"),
        pytest.param(b64encode(GREEK.encode()).decode(), "text/plain; charset=utf-8", "base64", id="base64"),
        pytest.param("=48=65=6C=6C=6F\n" * 40, "text/plain", "quoted-printable", id="body that gets shorter"),
        pytest.param("", "text/plain", None, id="nothing"),
        pytest.param(LONG, "text/plain", None, id="long"),
        pytest.param("..\nHello\n.\n", "text/plain", None, id="dots"),
    ],
)
def test_plain_text_gets_it_at_its_end(serve: Serve, body: str, content: str | None, encoding: str | None) -> None:
    """Whatever the encoding, the text as written is followed by a blank line and the disclaimer."""
    message = text_message(body, {"Content-Transfer-Encoding": encoding}, content)
    written = _decoded(_parsed(message))
    queued = _sent(serve, message).message
    assert _decoded(queued) == (written + ("" if written.endswith("\n") or not written else "\n")) + ADDED
    assert queued.get_all("X-Disclaimer") == ["mail.example.com"]


def _parsed(message: str) -> Message:
    return Queued("", [], message.encode()).message


def test_header_without_a_body(serve: Serve) -> None:
    """A message that is nothing but a header gets the text for a body."""
    daemon = serve("disclaimer", files={"disclaimer": TEXT})
    assert daemon.send("a@example.com", ["b@elsewhere.net"], "From: a@example.com\nSubject: x\n", source=LOCAL).taken
    assert daemon.only().body == ADDED


@pytest.mark.parametrize(
    ("content", "encoding", "body"),
    [
        pytest.param("text/plain", None, b"Hello\n", id="ascii"),
        pytest.param("text/plain; charset=us-ascii", "7bit", b"Hello\n", id="ascii, declared"),
        pytest.param("text/plain; charset=iso-8859-1", "8bit", "déjà vu\n".encode("latin-1"), id="latin"),
        pytest.param("text/plain; charset=iso-8859-7", "8bit", "Αντίο\n".encode("iso-8859-7"), id="same alphabet"),
        pytest.param("text/plain; charset=koi8-r", "base64", b64encode("Да\n".encode("koi8-r")), id="other alphabet"),
        pytest.param(None, None, b"Hello\n", id="not declared"),
    ],
)
def test_letters_that_the_message_lacks(serve: Serve, content: str | None, encoding: str | None, body: bytes) -> None:
    """A disclaimer in another alphabet comes out right, and so does what was there before."""
    head = text_message("", {"Content-Transfer-Encoding": encoding}, content).encode()
    before = _decoded(Queued("", [], head + body).message)
    queued = _sent(serve, head + body, text=[GREEK.strip()])
    assert _decoded(queued.message) == f"{before}\n{GREEK}"
    assert queued.message["MIME-Version"] == "1.0"
    # Only 8bit may have such letters as they are.
    assert queued.raw.isascii() or encoding == "8bit"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("<html><body>Hello</body></html>\n", f"<html><body>Hello\n{HTML}</body></html>\n", id="document"),
        pytest.param("<BODY>a</BODY>b</BODY>\n", f"<BODY>a</BODY>b\n{HTML}</BODY>\n", id="last of two"),
        pytest.param("<html>Hello</html>\n", f"<html>Hello\n{HTML}</html>\n", id="no body"),
        pytest.param("<b>Hello</b>\n", f"<b>Hello</b>\n\n{HTML}", id="fragment"),
    ],
)
def test_html_gets_it_inside(serve: Serve, body: str, expected: str) -> None:
    """In HTML the disclaimer is a paragraph at the end of what is shown."""
    assert _decoded(_sent(serve, text_message(body, content="text/html; charset=utf-8")).message) == expected


def test_html_shows_every_character(serve: Serve) -> None:
    """Characters that mean something in HTML, and letters of other alphabets, are shown as written."""
    queued = _sent(serve, text_message("<b>x</b>\n", content="text/html"), text=['"A" & <B> é'])
    assert queued.body == "<b>x</b>\n\n<p>&quot;A&quot; &amp; &lt;B&gt; &#233;</p>\n"


PLAIN_PART = "Content-Type: text/plain\n\nHello\n"
HTML_PART = "Content-Type: text/html;\n charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n<b>Hello</b>\n"
ATTACHMENT = "Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nNotes\n"
SECOND = "Content-Type: text/plain\n\nNotes\n"


def _multipart(kind: str, boundary: str, *parts: str) -> str:
    """Return a part made of others, with its header."""
    body = "".join(f"--{boundary}\n{part}" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\nPreamble\n{body}--{boundary}--\nEpilogue\n'


ENVELOPE = "Content-Type: application/pkcs7-mime; name=invoice.p7m\n\nTUlJ\n"
ALTERNATIVE = _multipart("alternative", "in", PLAIN_PART, HTML_PART)
UNCLOSED = ALTERNATIVE.removesuffix("--in--\nEpilogue\n")


@pytest.mark.parametrize(
    ("content", "changed"),
    [
        pytest.param(_multipart("alternative", "b", PLAIN_PART, HTML_PART), [True, True], id="both versions"),
        pytest.param(_multipart("mixed", "b", PLAIN_PART, ATTACHMENT), [True, False], id="attachment"),
        pytest.param(_multipart("mixed", "b", PLAIN_PART, SECOND), [True, False], id="text after the text"),
        pytest.param(_multipart("mixed", "b", ALTERNATIVE, ATTACHMENT), [True, True, False], id="both and attachment"),
        pytest.param(
            _multipart("mixed", "out", _multipart("related", "mid", ALTERNATIVE, SECOND), ATTACHMENT),
            [True, True, False, False],
            id="pictures too",
        ),
        pytest.param(_multipart("alternative", "b+(x)=?", PLAIN_PART, HTML_PART), [True, True], id="odd boundary"),
        pytest.param(_multipart("mixed", "b", ATTACHMENT, SECOND), [False, False], id="nothing but files"),
        pytest.param(_multipart("mixed", "b", "\nHello\n", SECOND), [True, False], id="part without a header"),
        pytest.param(_multipart("digest", "b", SECOND, SECOND), [False, False], id="unknown kind"),
        pytest.param(_multipart("mixed", "b", PLAIN_PART, ATTACHMENT)[:-13], [True, False], id="cut off"),
        pytest.param(_multipart("mixed", "b", UNCLOSED, SECOND), [True, True, False], id="inner parts without an end"),
        pytest.param(_multipart("mixed", "b", PLAIN_PART, "X-Cut: off\n"), [True, False], id="nothing but a header"),
        pytest.param(_multipart("mixed", "b", PLAIN_PART, ENVELOPE), [True, False], id="encrypted attachment"),
    ],
)
def test_right_parts_get_it(serve: Serve, content: str, changed: list[bool]) -> None:
    """The first text, in all its versions, gets the disclaimer; nothing else of the message changes."""
    head = text_message("", {"MIME-Version": "1.0"}).removesuffix("\n")
    before = [_decoded(part) for part in _parsed(head + content).walk() if not part.is_multipart()]
    queued = _sent(serve, head + content)
    after = [part for part in queued.message.walk() if not part.is_multipart()]
    expected = []
    for text, part, has in zip(before, after, changed, strict=True):
        addition = f"\n{HTML}" if part.get_content_type() == "text/html" else ADDED
        expected.append(text.rstrip("\n") + "\n" + addition if has else text)
    # The line break before a boundary belongs to the boundary.
    assert [_decoded(part).rstrip("\n") for part in after] == [text.rstrip("\n") for text in expected]
    assert queued.body.startswith("Preamble\n--")
    assert set(content.splitlines()) <= set(queued.raw.decode().splitlines())
    assert (queued.message["X-Disclaimer"] is not None) is any(changed)


@pytest.mark.parametrize(
    ("header", "other"),
    [("Content-Type: text/plain;\n charset=us-ascii\nX-Other: x\n", "x"), ("", None)],
    ids=["with a header", "without"],
)
def test_part_gets_the_header_it_needs(serve: Serve, header: str, other: str | None) -> None:
    """If a part has to be encoded in another way for the disclaimer, its own header says so."""
    head = text_message("", {"MIME-Version": "1.0"}).removesuffix("\n")
    queued = _sent(serve, head + _multipart("mixed", "b", f"{header}\nHello\n", ATTACHMENT), text=[GREEK.strip()])
    first, second = (part for part in queued.message.walk() if not part.is_multipart())
    assert _decoded(first) == f"Hello\n\n{GREEK.strip()}"
    assert (first["Content-Transfer-Encoding"], first["X-Other"]) == ("quoted-printable", other)
    assert (_decoded(second), second["Content-Transfer-Encoding"]) == ("Notes", None)


SIGNED = _multipart("signed", "s", PLAIN_PART, "Content-Type: application/pgp-signature\n\nx\n")
PGP = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHello\n-----BEGIN PGP SIGNATURE-----\nx\n"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(SIGNED, id="signed"),
        pytest.param(_multipart("mixed", "b", SIGNED, ATTACHMENT), id="signed inside"),
        pytest.param(_multipart("encrypted", "b", "Content-Type: application/pgp-encrypted\n\nx\n"), id="encrypted"),
        pytest.param("Content-Type: application/pkcs7-mime; smime-type=signed-data\n\nTUlJ\n", id="opaque"),
        pytest.param(f"Content-Type: text/plain\n\n{PGP}", id="signed text"),
        pytest.param(_multipart("alternative", "b", HTML_PART, f"Content-Type: text/plain\n\n{PGP}"), id="one of two"),
        pytest.param("DKIM-Signature: v=1; d=example.com\n\nHello\n", id="DKIM"),
        pytest.param("Content-Type: text/calendar\n\nBEGIN:VCALENDAR\n", id="no text"),
        pytest.param(
            "Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n\nAEEK\n", id="utf-16"
        ),
        pytest.param("Content-Type: text/plain\nContent-Transfer-Encoding: x-uuencode\n\nbegin\n", id="x-uuencode"),
        pytest.param(f"Content-Type: text/plain\n\n{'x' * 70}\n" + ("y" * 70 + "\n") * 30000, id="very long"),
    ],
)
def test_mail_that_must_not_change_does_not(serve: Serve, content: str) -> None:
    """Signed and encrypted mail, and what cannot be understood, is passed on byte for byte."""
    head = text_message("", {"MIME-Version": "1.0"}).removesuffix("\n")
    queued = _sent(serve, head + content)
    assert queued.body == (head + content).partition("\n\n")[2]
    assert "X-Disclaimer" not in queued.message


@pytest.mark.parametrize("content", ["text/plain", "text/html; charset=utf-8"])
def test_never_twice(serve: Serve, content: str) -> None:
    """A message that comes through again, with or without the mark, is not changed again."""
    once = _sent(serve, text_message("Hello\n", content=content))
    again = once.raw.decode()
    unmarked = "".join(line for line in again.splitlines(keepends=True) if not line.startswith("X-Disclaimer"))
    for message in (again, unmarked):
        daemon = serve("disclaimer")
        assert daemon.send("tom@example.com", ["friend@elsewhere.net"], message, source=LOCAL).taken
        assert daemon.queued()[-1].body == once.body


def test_quoted_disclaimer_is_not_taken_for_it(serve: Serve) -> None:
    """An answer that ends with the quoted disclaimer of the other letter gets its own."""
    queued = _sent(serve, text_message("Yes\n> Example Ltd.\n"), text=["Example Ltd."])
    assert queued.body == "Yes\n> Example Ltd.\n\nExample Ltd.\n"


def test_our_mark_counts_whatever_the_text(serve: Serve) -> None:
    """A message with our mark is not changed, even if something was added after the disclaimer."""
    queued = _sent(serve, text_message("Hello\n-- \nA list\n", {"X-Disclaimer": "mail.example.com"}))
    assert queued.body == "Hello\n-- \nA list\n"


def test_mark_of_another_server_does_not_count(serve: Serve) -> None:
    """Only our own mark says that our text is there."""
    queued = _sent(serve, text_message("Hello\n", {"X-Disclaimer": "mail.elsewhere.net"}))
    assert queued.body.endswith(ADDED)


def test_unreadable_text_keeps_mail_back(serve: Serve) -> None:
    """If there is a text that cannot be read, here for being a directory, outgoing mail waits; other mail does not."""
    daemon = serve("disclaimer")
    (daemon.config / "disclaimer").mkdir()
    assert daemon.send("tom@example.com", ["friend@elsewhere.net"], source=LOCAL).code == 452
    assert daemon.send().taken
    daemon.wait_for_log("disclaimer: fail, ")


def test_later_plugins_see_the_new_text(serve: Serve) -> None:
    """A plugin that looks at the message sees it as it goes out, although it was loaded before."""
    daemon = serve(
        "virus/pattern_filter", "disclaimer", files={"disclaimer": ["x"], "signatures_patterns": ["SGVsbG8KCngK"]}
    )
    message = text_message("SGVsbG8K\n", {"Content-Transfer-Encoding": "base64"}, "text/plain")
    assert daemon.send("tom@example.com", ["friend@elsewhere.net"], message, source=LOCAL).code == 552
