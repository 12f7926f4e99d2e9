"""logging/logterse: one line for each message."""

from __future__ import annotations

import pytest

from tests.qpsmtpd.conftest import Serve
from tests.qpsmtpd.daemon import Daemon, needs_qpsmtpd, text_message

pytestmark = needs_qpsmtpd


def _lines(daemon: Daemon) -> list[list[str]]:
    """Return the fields of each line, without the log's own beginning."""
    marked = [line for line in daemon.log().splitlines() if "logging::logterse: " in line]
    return [line.partition("logging::logterse: ")[2].split("`")[1:] for line in marked]


CLIENT = ["127.0.2.2", "mx.sender.org", "mx.sender.org"]
SENDER = "<someone@sender.org>"


def test_queued_message_gives_one_line(serve: Serve) -> None:
    """A message for two recipients is one line with all of them, whatever the log level."""
    daemon = serve("logging/logterse")
    assert daemon.send(recipients=["tom@example.com", "jack@test.com"]).taken
    (line,) = _lines(daemon)
    assert line[:7] == [*CLIENT, SENDER, "<tom@example.com>,<jack@test.com>", "queued", "900"]
    assert line[7].startswith("Queued! ")
    assert line[8:] == ["<1@sender.org>", ""]


def test_refusals_are_lines_of_their_own(serve: Serve) -> None:
    """Each refused recipient is a line that names it and the plugin; the rest of the message is another."""
    daemon = serve("logging/logterse", "badrcptto", files={"badrcptto": ["jack@test.com"]})
    assert daemon.send(recipients=["tom@example.com", "jack@test.com", "friend@elsewhere.net"]).taken
    refused, denied, queued = _lines(daemon)
    assert refused[3:7] == [SENDER, "<jack@test.com>", "badrcptto", "901"]
    assert denied[3:7] == [SENDER, "<friend@elsewhere.net>", "rcpt_ok", "901"]
    assert queued[3:7] == [SENDER, "<tom@example.com>", "queued", "900"]


@pytest.mark.parametrize(
    ("plugin", "files", "fields"),
    [
        pytest.param("badmailfrom", {"badmailfrom": ["@sender.org"]}, [SENDER, "", "badmailfrom", "901"], id="sender"),
        pytest.param("headers require From,Date", {}, [SENDER, "<tom@example.com>", "headers", "901"], id="message"),
        pytest.param("loadcheck max_load -1", {}, ["", "", "loadcheck", "902"], id="connection"),
    ],
)
def test_refusal_at_any_stage_is_a_line(
    serve: Serve, plugin: str, files: dict[str, list[str]], fields: list[str]
) -> None:
    """A refused sender, message or connection is one line, with what is known by then."""
    daemon = serve("logging/logterse", plugin, files=files)
    assert not daemon.send(message=text_message(headers={"Date": None})).taken
    (line,) = _lines(daemon)
    assert line[:2] == CLIENT[:2]
    assert line[3:7] == fields


def test_failing_queue_is_a_line(serve: Serve) -> None:
    """A message that could not be queued is a line that says so."""
    daemon = serve("logging/logterse")
    daemon.queue_script("#!/bin/sh\ncat >/dev/null\ncat <&1 >/dev/null\nexit 53\n")
    assert daemon.send().code == 451
    (line,) = _lines(daemon)
    assert line[3:6] == [SENDER, "<tom@example.com>", "failed"]


def test_backticks_cannot_add_fields(serve: Serve) -> None:
    """Backticks in what a client says do not shift the fields."""
    daemon = serve("logging/logterse")
    assert daemon.send("a`b@sender.org", message=text_message(headers={"Message-Id": "<a`b@c>"})).taken
    (line,) = _lines(daemon)
    assert (line[3], line[8], len(line)) == ("<a?b@sender.org>", "<a?b@c>", 10)


def test_level_can_be_chosen(serve: Serve) -> None:
    """With a level above that of the log, no line is written."""
    daemon = serve("logging/logterse loglevel 7")
    assert daemon.send().taken
    assert _lines(daemon) == []
