"""How often a login may fail, and that neither an attacker nor a crash changes that."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from esmith.manager.helper.limits import FORGOTTEN_AFTER, KNOWN_ADDRESSES, RULES, Limits

HOME, AWAY = "192.0.2.7", "198.51.100.9"


class _Clock:
    def __init__(self) -> None:
        self.now = 1.7e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    """Return a clock that stands still."""
    return _Clock()


@pytest.fixture
def limits(tmp_path: Path, clock: _Clock) -> Limits:
    """Return limits that count nothing yet."""
    return Limits(str(tmp_path / "manager"), clock)


def _address(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def _fail(limits: Limits, clock: _Clock, account: str, address: str) -> float:
    """Wait as long as there is to wait, and fail; return how long that was."""
    wait = limits.begin(account, address)
    if wait:
        clock.now += wait
        assert limits.begin(account, address) == 0
    return wait


def test_waits_grow(limits: Limits, clock: _Clock) -> None:
    """Five failures cost nothing; then each doubles the wait, up to half an hour."""
    waits = [_fail(limits, clock, "admin", HOME) for _ in range(16)]
    assert waits == [0, 0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800]


def test_a_thousand_wrong_passwords(limits: Limits, clock: _Clock) -> None:
    """Of a thousand passwords in an hour, one a few seconds, a dozen are looked at."""
    looked_at = 0
    for _ in range(1000):
        clock.now += 3.6
        looked_at += limits.begin("admin", HOME) == 0
    assert 10 <= looked_at <= 15


def test_many_addresses(limits: Limits, clock: _Clock) -> None:
    """Who guesses from a thousand addresses may try an account once a minute."""
    looked_at = 0
    for number in range(3600):
        clock.now += 1
        looked_at += limits.begin("admin", _address(number % 1000)) == 0
    assert looked_at <= RULES["account"].free + 60 + 5


def test_nobody_is_locked_out_by_others(limits: Limits, clock: _Clock) -> None:
    """The administrator logs in from where he has before, however often others fail meanwhile."""
    assert limits.begin("admin", HOME) == 0
    limits.succeed("admin", HOME)
    for number in range(500):
        limits.begin("admin", _address(number))
        clock.now += 1
    assert limits.begin("admin", AWAY) > 0
    assert limits.begin("admin", HOME) == 0


def test_a_new_address_waits_a_minute_at_most(limits: Limits, clock: _Clock) -> None:
    """From an address that is not known either, failures of others cost a minute at most."""
    for number in range(500):
        limits.begin("admin", _address(number))
        clock.now += 1
    assert limits.begin("admin", AWAY) <= RULES["account"].longest


def test_many_accounts(limits: Limits) -> None:
    """Who tries one password with many names is stopped by his address."""
    tries = sum(limits.begin(f"user{number}", AWAY) == 0 for number in range(100))
    assert tries == RULES["address"].free
    assert limits.begin("admin", HOME) == 0


def test_a_network_of_version_6_is_one_address(limits: Limits) -> None:
    """The last half of an IPv6 address can be chosen freely, and does not count; IPv4 in IPv6 is IPv4."""
    for number in range(5):
        assert limits.begin("admin", f"2001:db8::{number:x}") == 0
    assert limits.begin("admin", "2001:db8::ffff") > 0
    assert limits.begin("admin", "2001:db8:0:1::1") == 0
    for _ in range(5):
        limits.begin("admin", HOME)
    assert limits.begin("admin", f"::ffff:{HOME}") > 0


def test_success_resets_its_own(limits: Limits) -> None:
    """A login makes the failures of this account from this address count no more, and no others."""
    for _ in range(4):
        limits.begin("admin", HOME)
        limits.begin("admin", AWAY)
        limits.begin("other", HOME)
    assert limits.begin("admin", HOME) == 0
    limits.succeed("admin", HOME)
    assert [limits.begin("admin", HOME) for _ in range(6)] == [0, 0, 0, 0, 0, 5]
    for account, address in (("admin", AWAY), ("other", HOME)):
        assert limits.begin(account, address) == 0
        assert limits.begin(account, address) > 0


def test_own_logins_do_not_help_a_guesser(limits: Limits) -> None:
    """Who has an account himself cannot make his address count less by logging in between guesses."""
    tries = 0
    for number in range(100):
        tries += limits.begin(f"user{number}", AWAY) == 0
        if limits.begin("mallory", AWAY) == 0:
            limits.succeed("mallory", AWAY)
    assert tries == RULES["address"].free


def test_a_restart_forgets_nothing(limits: Limits, clock: _Clock, tmp_path: Path) -> None:
    """Counts are on the disk before a try is made: a helper that is killed and started again knows them."""
    limits.begin("admin", AWAY)
    limits.succeed("admin", AWAY)
    for _ in range(5):
        limits.begin("admin", HOME)
    again = Limits(str(tmp_path / "manager"), clock)
    assert again.begin("admin", HOME) == 5
    for number in range(100):
        again.begin("admin", _address(number))
    assert again.begin("admin", AWAY) == 0


def test_counts_are_forgotten(limits: Limits, clock: _Clock) -> None:
    """A day after the last failure nothing of it counts."""
    for _ in range(20):
        _fail(limits, clock, "admin", HOME)
    clock.now += FORGOTTEN_AFTER + 1
    assert [limits.begin("admin", HOME) for _ in range(6)] == [0, 0, 0, 0, 0, 5]


def test_a_clock_that_is_corrected(limits: Limits, clock: _Clock) -> None:
    """A clock that shows less than before makes nobody wait for longer than the longest wait, and once."""
    for _ in range(20):
        _fail(limits, clock, "admin", HOME)
    clock.now -= 10**8
    wait = limits.begin("admin", HOME)
    assert 0 < wait <= RULES["pair"].longest
    clock.now += wait
    assert limits.begin("admin", HOME) == 0


def test_the_file_has_a_greatest_size(tmp_path: Path, clock: _Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many addresses and names do not fill the disk, and do not displace what was counted most."""
    limits = Limits(str(tmp_path / "manager"), clock)
    for _ in range(10):
        _fail(limits, clock, "admin", HOME)
    _have_room_for(monkeypatch, 40)
    for number in range(100):
        limits.begin(f"{'n' * 200}{number}", _address(number))
    assert (tmp_path / "manager/limits").stat().st_size < 3 * 40 * 60 + 200
    assert limits.begin("admin", HOME) > 0


def _have_room_for(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    for name, rule in RULES.items():
        monkeypatch.setitem(RULES, name, replace(rule, most=number))


@pytest.mark.parametrize("address", [HOME, None], ids=["one address", "many addresses"])
def test_a_full_file_helps_no_guesser(
    limits: Limits, clock: _Clock, monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    """Who fills the file with failures of other names and addresses is not forgotten himself, and waits as before."""
    _have_room_for(monkeypatch, 12)
    for number in range(120):
        clock.now += 120
        limits.begin(f"user{number % 12}", _address(number % 12))
    looked_at = 0
    for number in range(300):
        clock.now += 1
        looked_at += limits.begin("admin", address or _address(1000 + number)) == 0
        # What makes the last one give way.
        limits.begin(f"other{number}", _address(100_000 + number))
    assert looked_at <= 40


def test_a_full_file_keeps_out_nobody_who_is_known(
    limits: Limits, clock: _Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From where an administrator has logged in before, a full file makes him not wait, nor does it help to guess."""
    _have_room_for(monkeypatch, 12)
    assert limits.begin("admin", HOME) == 0
    limits.succeed("admin", HOME)
    for number in range(120):
        clock.now += 120
        limits.begin(f"user{number % 20}", _address(number % 40))
    assert [limits.begin("admin", HOME) for _ in range(6)] == [0, 0, 0, 0, 0, 5]
    limits.begin("another", AWAY)
    assert limits.begin("admin", HOME) == 5


def test_a_new_address_may_log_in_while_the_file_is_full(
    limits: Limits, clock: _Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes for the first time waits a minute and a half at most, however much was counted before."""
    _have_room_for(monkeypatch, 12)
    for number in range(200):
        clock.now += 1800
        limits.begin(f"user{number % 20}", _address(number % 40))
    assert limits.begin("admin", AWAY) <= 90


def test_known_addresses_are_bounded(limits: Limits) -> None:
    """An account that logs in from everywhere has some known addresses, the last ones."""
    for number in range(KNOWN_ADDRESSES + 3):
        limits.begin("admin", _address(number))
        limits.succeed("admin", _address(number))
    assert [len(known) for known in limits._known.values()] == [KNOWN_ADDRESSES]


def test_nothing_that_was_typed_is_kept(limits: Limits, tmp_path: Path) -> None:
    """A password that somebody typed as a name is not in the file, which nobody else may read."""
    limits.begin("my secret password", HOME)
    file = tmp_path / "manager/limits"
    text = file.read_text()
    assert "secret" not in text
    assert HOME not in text
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert os.listdir(file.parent) == ["limits"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 5000,
        "[1]",
        '{"salt": "x"}',
        '{"salt": "x", "known": 1, "pair": {}, "address": {}, "account": {}}',
        '{"salt": "x", "known": {}, "pair": {"a": [1]}, "address": {}, "account": {}}',
    ],
)
def test_a_damaged_file_is_not_believed(
    tmp_path: Path, clock: _Clock, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that holds no counts is written again, and stderr names it."""
    (tmp_path / "limits").write_text(text)
    limits = Limits(str(tmp_path), clock)
    assert "is not used" in capsys.readouterr().err
    assert limits.begin("admin", HOME) == 0
    assert set(json.loads((tmp_path / "limits").read_text())) == {"salt", "known", "displaced", *RULES}


def test_a_file_of_others_is_not_believed(tmp_path: Path, clock: _Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that others may write is not read; neither is one behind a link."""
    first = Limits(str(tmp_path / "a"), clock)
    for _ in range(5):
        first.begin("admin", HOME)
    (tmp_path / "a/limits").chmod(0o666)
    assert Limits(str(tmp_path / "a"), clock).begin("admin", HOME) == 0
    assert "others may write it" in capsys.readouterr().err
    (tmp_path / "b").mkdir()
    (tmp_path / "b/limits").symlink_to(tmp_path / "a/limits")
    assert Limits(str(tmp_path / "b"), clock).begin("admin", HOME) == 0


def test_a_disk_that_takes_nothing(limits: Limits, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where counts cannot be kept they count as long as the helper runs, and stderr says so."""
    (tmp_path / "manager").write_text("in the way")
    assert [limits.begin("admin", HOME) for _ in range(6)] == [0, 0, 0, 0, 0, 5]
    assert "cannot be kept" in capsys.readouterr().err
