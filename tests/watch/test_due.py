"""What the watcher does in time that other commands left to be done, with a clock turned by hand."""

from __future__ import annotations

import pytest

from esmith.apply.generations import begin, list_generations
from esmith.events.confirm import UnconfirmedChange, set_unconfirmed
from esmith.events.pending import PENDING, PendingAction
from esmith.events.recover import RETRY_SECONDS as PENDING_RETRY
from esmith.store import changing_file
from esmith.watch.watcher import RETRY_SECONDS
from tests.apply.kit import AUTHOR
from tests.watch.kit import Post


def test_an_interrupted_event_is_repaired(post: Post) -> None:
    """What a killed event left is restored as soon as the watcher notices."""

    def killed_event() -> None:
        post.trees.custom("/etc/a/20b", "two\n")
        assert (
            begin(post.plan("/etc/a"), post.layout, post.store, "signal-event try", {}, post.layout.disk()) is not None
        )
        post.output("/etc/a").unlink()
        post.output("/etc/a").write_text("half")

    post.source.at(1, post.happens(killed_event, post.layout.event_lock))
    reports = post.watch()
    assert any("interrupted" in report for report in reports)
    assert post.output("/etc/a").read_text() == "one\n"


def _supervise(post: Post, patch: pytest.MonkeyPatch) -> None:
    """Let the recorded supervisor be found by what recovers; its services run since long ago."""
    patch.setattr("esmith.services.find.find_supervisor", lambda _layout, _service: post.supervisor)
    patch.setattr("esmith.events.pending.PendingAction.has_started", lambda _pending, _status: False)


def _leave_pending(post: Post, since: float) -> None:
    with post.store.transaction(AUTHOR) as transaction:
        row = PendingAction(["restart"], since, "signal-event try").encode()
        transaction.set_state(PENDING.name, "clamd", row)


def test_a_pending_action_is_retried(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pending action of another command is noticed by the change of the databases, and done when it is due."""
    _supervise(post, monkeypatch)
    post.service("clamd")
    post.carried_out()
    moments: list[float] = []
    control = post.supervisor.control

    def note(service: str, action: str) -> None:
        moments.append(post.source.clock)
        control(service, action)

    monkeypatch.setattr(post.supervisor, "control", note)
    post.source.at(1, post.happens(lambda: _leave_pending(post, post.source.start + 50), changing_file(post.layout)))
    reports = post.watch()
    assert reports[-1] == "service clamd: restart"
    assert post.carried_out() == ["clamd restart"]
    assert moments[0] >= post.source.start + 50 + PENDING_RETRY
    assert post.source.timeouts[-1] is None


def test_a_service_that_refuses_is_not_tried_all_the_time(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a supervisor refuses is tried again once a minute, and reported once as long as it lasts."""
    _supervise(post, monkeypatch)
    post.service("clamd")
    post.supervisor.refuses.add("clamd")
    post.source.at(1, post.happens(lambda: _leave_pending(post, post.source.start + 10), changing_file(post.layout)))
    post.source.at(500, list)
    reports = post.watch()
    assert 2 <= len(post.order()) <= 1 + 1000 / RETRY_SECONDS
    assert len(reports) == 1


def test_an_unconfirmed_change_is_rolled_back(post: Post) -> None:
    """When the deadline of a change that was not confirmed passes, its files are restored without anybody's command."""
    post.trees.custom("/etc/a/20b", "two\n")
    post.signal()
    with post.store.snapshot() as snapshot:
        newest = list_generations(snapshot)[0].number

    def wait_for_confirmation() -> None:
        with post.store.transaction(AUTHOR) as transaction:
            set_unconfirmed(
                transaction, UnconfirmedChange("signal-event try", post.source.start + 100, newest, None, 0)
            )

    post.source.at(1, post.happens(wait_for_confirmation, changing_file(post.layout)))
    post.source.at(90, post.happens(lambda: seen.append(post.output("/etc/a").read_text())))
    seen: list[str] = []
    reports = post.watch()
    assert seen == ["one\ntwo\n"]
    assert "signal-event try was not confirmed in time" in reports[0]
    assert post.output("/etc/a").read_text() == "one\n"
