"""How often a login may fail. What is counted is kept in a file, so that neither a restart nor a crash forgets it.

Three things are counted: the failures of an account from an address, of an address, and of an account. A try counts as
a failure before it is made, so that many at once gain nothing. From where an account has logged in before, the last
does not count: nobody locks an administrator out by guessing from elsewhere.

The file holds digests, since people type passwords into the field of the name; and it has a greatest size. What was
counted least gives way to others, and all that did so are counted together from then on: whoever comes back, or comes
for the first time, begins with their count. Else a guesser would fill the file first, and be forgotten at once. The
counts of accounts at addresses from where they have logged in do not give way.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from esmith.private_files import read_private, replace_private

_FILE = "limits"
#: What is counted is forgotten so many seconds after the last failure.
FORGOTTEN_AFTER = 86400.0
#: How many addresses are remembered from where an account has logged in.
KNOWN_ADDRESSES = 16
#: What gave way begins with a wait of so many doublings at most, so that new addresses are not kept out for long.
_MOST_DOUBLINGS = 4
#: The last part of an IPv6 address is chosen by whoever has the network of it.
_NETWORK_BITS = 64


@dataclass(frozen=True)
class Rule:
    """How long to wait after some failures.

    :param free: how many cost nothing.
    :param first: the wait after that, in seconds; it doubles with each failure.
    :param longest: the longest wait, in seconds.
    :param most: how many of these are counted at once.
    """

    free: int
    first: float
    longest: float
    most: int

    def wait(self, failures: int) -> float:
        """Return how long to wait after the last of some failures, in seconds."""
        if failures < self.free:
            return 0.0
        return min(self.first * 2.0 ** min(failures - self.free, 60), self.longest)


RULES = {
    "pair": Rule(5, 5, 1800, 1024),
    "address": Rule(20, 5, 1800, 1024),
    "account": Rule(50, 5, 60, 256),
}


class Limits:
    """The counts.

    :param directory: where they are kept; it belongs to the user who runs this, and nobody else may write it.
    :param clock: seconds since 1970.
    """

    def __init__(self, directory: str, clock: Callable[[], float] = time.time) -> None:
        self._directory = directory
        self._clock = clock
        self._salt = secrets.token_hex(16)
        #: Failures and the time of the last, by rule and digest.
        self._counts: dict[str, dict[str, tuple[int, float]]] = {rule: {} for rule in RULES}
        #: Of those that gave way to others, together: the most failures, and the last time.
        self._displaced: dict[str, tuple[int, float]] = {}
        #: Digests of an account and an address from where it has logged in, the last one last, by that of the account.
        self._known: dict[str, list[str]] = {}
        self._read()

    def begin(self, account: str, address: str) -> float:
        """Count a try as a failure, if it may be made now.

        :param account: the name that was given, whether there is such an account or not.
        :param address: where it came from.
        :return: 0 when it may be made, else after how many seconds.
        """
        keys = self._keys(account, address)
        is_known = keys["pair"] in self._known.get(keys["account"], ())
        if is_known:
            del keys["account"]
        now = self._clock()
        counts = {rule: self._count(rule, key, now, is_known=is_known) for rule, key in keys.items()}
        wait = max(last + RULES[rule].wait(count) - now for rule, (count, last) in counts.items())
        if wait > 0:
            return wait
        for rule, key in keys.items():
            self._counts[rule][key] = (counts[rule][0] + 1, now)
        self._write()
        return 0.0

    def succeed(self, account: str, address: str) -> None:
        """Note that the try that was counted last was none that failed: it has logged in.

        What failed before from this address for this account does not count any more.
        """
        keys = self._keys(account, address)
        self._counts["pair"].pop(keys["pair"], None)
        self._take_back("address", keys["address"])
        known = self._known.pop(keys["account"], [])
        if keys["pair"] not in known:
            self._take_back("account", keys["account"])
        self._known[keys["account"]] = [*(one for one in known if one != keys["pair"]), keys["pair"]]
        del self._known[keys["account"]][:-KNOWN_ADDRESSES]
        while len(self._known) > RULES["account"].most:
            del self._known[next(iter(self._known))]
        self._write()

    def _take_back(self, rule: str, key: str) -> None:
        count, last = self._counts[rule].get(key, (0, 0.0))
        if count > 1:
            self._counts[rule][key] = (count - 1, last)
        else:
            self._counts[rule].pop(key, None)

    def _count(self, rule: str, key: str, now: float, *, is_known: bool) -> tuple[int, float]:
        """Return how many failures are counted, and the time of the last."""
        counts, place = self._counts[rule], key
        if key not in counts and not is_known:
            counts, place = self._displaced, rule
        count, last = counts.get(place, (0, now))
        if last > now:
            # The clock was corrected: it would be waited for until it shows that time again.
            last = now
            counts[place] = (count, now)
        if now - last > FORGOTTEN_AFTER:
            del counts[place]
            return 0, now
        return count, last

    def _keys(self, account: str, address: str) -> dict[str, str]:
        network = _network(address)
        words = {"pair": f"{network} {account}", "address": network, "account": account}
        return {rule: self._digest(f"{rule} {word}") for rule, word in words.items()}

    def _digest(self, text: str) -> str:
        data = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, digest_size=12, key=self._salt.encode()).hexdigest()

    def _read(self) -> None:
        """Read what was counted; one that is damaged, or that others may write or read, does not count."""
        try:
            self._take(json.loads(read_private(f"{self._directory}/{_FILE}")))
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
            _say(f"{self._directory}/{_FILE} is not used, and written again: {error}")
            self._counts, self._known, self._displaced = {rule: {} for rule in RULES}, {}, {}

    def _take(self, data: Any) -> None:
        salt = str(data["salt"])
        for rule, counts in self._counts.items():
            counts.update({str(key): (int(count), float(last)) for key, (count, last) in data[rule].items()})
        self._known = {str(key): [str(one) for one in addresses] for key, addresses in data["known"].items()}
        displaced = {rule: data["displaced"][rule] for rule in RULES if rule in data["displaced"]}
        self._displaced = {rule: (int(count), float(last)) for rule, (count, last) in displaced.items()}
        self._salt = salt

    def _write(self) -> None:
        """Keep what is counted, durably; where that cannot be, it counts until this process ends."""
        now = self._clock()
        for rule, counts in self._counts.items():
            for key in [key for key, (_, last) in counts.items() if now - last > FORGOTTEN_AFTER]:
                del counts[key]
            self._make_room(rule, counts)
        text = json.dumps({"salt": self._salt, "known": self._known, "displaced": self._displaced, **self._counts})
        try:
            replace_private(self._directory, _FILE, text.encode())
        except OSError as error:
            _say(f"failed logins cannot be kept in {self._directory}: {error.strerror}")

    def _make_room(self, rule: str, counts: dict[str, tuple[int, float]]) -> None:
        """Have what was counted least give way, where there is too much; it is counted together from then on."""
        if len(counts) <= RULES[rule].most:
            return
        kept = {pair for known in self._known.values() for pair in known}
        for key in sorted(counts.keys() - kept, key=counts.__getitem__)[: len(counts) - RULES[rule].most]:
            count, last = counts.pop(key)
            most, latest = self._displaced.get(rule, (0, last))
            most = min(max(count, most), RULES[rule].free + _MOST_DOUBLINGS)
            self._displaced[rule] = (most, max(last, latest))


def _network(address: str) -> str:
    """Return what is counted of an address: that of IPv4, the network of one of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found), _NETWORK_BITS), strict=False))
    return str(found)


def _say(text: str) -> None:
    print(f"smanager-helper: {text}", file=sys.stderr, flush=True)
