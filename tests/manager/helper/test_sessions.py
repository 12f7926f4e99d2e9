"""Sessions: how long they last, how many there may be, and who ends them."""

from __future__ import annotations

from esmith.manager.helper.sessions import ABSOLUTE, MOST, MOST_OF_ACCOUNT, Sessions


class _Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _begun(account: str = "admin", idle: float = 900.0) -> tuple[_Clock, Sessions, str]:
    clock = _Clock()
    sessions = Sessions(clock)
    return clock, sessions, sessions.begin(account, "192.0.2.7", idle=idle, mark="m")


def test_a_session_ends_without_use() -> None:
    """A session lasts as long as it is used within its time, and ends when it is not."""
    clock, sessions, token = _begun()
    for _ in range(3):
        clock.now += 899
        assert sessions.find(token) is not None
    clock.now += 900
    assert sessions.find(token) is None


def test_to_look_is_no_use() -> None:
    """What pages do by themselves keeps no session alive."""
    clock, sessions, token = _begun()
    clock.now += 600
    session = sessions.find(token, is_use=False)
    assert session is not None
    assert sessions.left(session) == {"idle_left": 300, "absolute_left": int(ABSOLUTE) - 600}
    clock.now += 300
    assert sessions.find(token, is_use=False) is None


def test_a_session_ends_at_last() -> None:
    """A session that is used all the time ends after the greatest time."""
    clock, sessions, token = _begun()
    end = clock.now + ABSOLUTE
    while clock.now + 600 < end:
        clock.now += 600
        assert sessions.find(token) is not None
    clock.now = end
    assert sessions.find(token) is None


def test_tokens_are_not_kept() -> None:
    """What the helper has in its memory is no token, and tokens are long and never the same."""
    _, sessions, token = _begun()
    assert token not in repr(vars(sessions))
    tokens = {sessions.begin("admin", "", idle=9, mark="") for _ in range(20)}
    assert len(tokens) == 20
    assert min(map(len, tokens)) >= 43
    assert all(sessions.find(guess) is None for guess in ("", "x", token[:-1], token + "x", "\ud800"))


def test_too_many_sessions_of_an_account() -> None:
    """Of too many sessions of an account the one that was used longest ago ends; those of others stay."""
    clock, sessions, other = _begun("other")
    tokens = []
    for _ in range(MOST_OF_ACCOUNT):
        clock.now += 1
        tokens.append(sessions.begin("admin", "", idle=900, mark=""))
    clock.now += 1
    assert sessions.find(tokens[0]) is not None
    clock.now += 1
    sessions.begin("admin", "", idle=900, mark="")
    assert [sessions.find(token) is not None for token in tokens[:3]] == [True, False, True]
    assert sessions.find(other) is not None
    assert len(sessions.of("admin")) == MOST_OF_ACCOUNT


def test_too_many_sessions() -> None:
    """There is a greatest number of sessions, whoever has them."""
    clock, sessions, first = _begun("first")
    for number in range(MOST):
        clock.now += 0.001
        sessions.begin(f"user{number}", "", idle=900, mark="")
    assert sessions.find(first) is None
    assert sessions.find(sessions.begin("last", "", idle=900, mark="")) is not None


def test_sessions_are_ended() -> None:
    """One session ends alone; all of an account end together, and none of another one."""
    _, sessions, other = _begun("other")
    first, second = (sessions.begin("admin", "", idle=900, mark="") for _ in range(2))
    session = sessions.find(first)
    assert session is not None
    sessions.end(session)
    assert not sessions.is_on(session)
    assert (sessions.find(first), sessions.find(second) is None) == (None, False)
    sessions.end_all("admin")
    assert sessions.find(second) is None
    assert sessions.find(other) is not None
