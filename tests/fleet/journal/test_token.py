"""An invitation as text: however it is wrapped it comes back, and a slip of copying is named."""

from __future__ import annotations

import json
import zlib
from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmith.errors import UsageError
from esmith.fields import replace
from esmith.fleet.journal.token import BEGIN, END, Invitation
from tests.examples import examples

_INVITATION = Invitation(
    fleet="mail",
    name="mail2",
    endpoints=("https://10.0.0.1:2379", "https://10.0.0.2:2379"),
    ca="-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n",
    certificate="certificate",
    key="key",
    user="mail:mail2",
    password="".join(sha256(bytes([number])).hexdigest() for number in range(8)),
    one_time_key="once",
    first_hash="a" * 64,
    until=1_800_000_000,
    head=f"4 {'b' * 64}",
    groups=("mx",),
)


def _packed(data: object) -> str:
    """Return any JSON in the form of an invitation, with the right checksum."""
    packed = zlib.compress(json.dumps(data).encode())
    check = sha256(b"esmith1:" + packed).digest()[:6]
    return "esmith1:" + urlsafe_b64encode(len(packed).to_bytes(3, "big") + check + packed).rstrip(b"=").decode()


def test_an_invitation_comes_back() -> None:
    """It is text in short lines, or one line, and is read from both; it does not show its secrets elsewhere."""
    text = _INVITATION.text()
    lines = text.splitlines()
    assert (lines[0], lines[-1]) == (BEGIN, END)
    assert lines[1].startswith("esmith1:")
    assert max(map(len, lines)) <= 76
    assert Invitation.read(text) == _INVITATION
    assert Invitation.read(_INVITATION.line()) == _INVITATION
    assert repr(_INVITATION) == "Invitation(mail, mail2)"
    assert _INVITATION.password not in text


@settings(deadline=None, max_examples=examples(50))
@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=40), max_size=5),
    st.text(st.characters(codec="utf-8"), max_size=300),
)
def test_any_invitation_comes_back(names: list[str], password: str) -> None:
    """Whatever its fields hold, an invitation comes back."""
    invitation = replace(_INVITATION, endpoints=tuple(names), password=password)
    assert Invitation.read(invitation.text()) == invitation


@pytest.mark.parametrize("form", ["\r\n", "\n\n", "\n> ", "\n   ", " ", ""])
def test_however_it_is_wrapped(form: str) -> None:
    """Lines that were joined, split or quoted on the way are read as the same invitation."""
    lines = _INVITATION.text().splitlines()
    assert Invitation.read(form.join(lines[1:-1])) == _INVITATION
    whole = form.join(lines[1:-1])
    assert Invitation.read(f"  {BEGIN}  \n{whole[:33]}\n{whole[33:]}\n{END}\n\n") == _INVITATION


@settings(deadline=None, max_examples=examples(100))
@given(st.data())
def test_any_slip_is_named(data: st.DataObject) -> None:
    """An invitation that was cut, or has another character anywhere, is refused, and never read as another one."""
    line = _INVITATION.line()
    place = data.draw(st.integers(0, len(line) - 1))
    other = data.draw(st.sampled_from("ABCxyz019-_!") | st.just(""))
    changed = line[:place] + other + line[place + 1 :]
    if changed == line:
        return
    for text in (changed, line[:place]):
        with pytest.raises(UsageError) as caught:
            Invitation.read(text)
        assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no invitation"),
        ("hello", "no invitation"),
        (f"{BEGIN}\n{END}\n", "no invitation"),
        (_INVITATION.line()[1:], "no invitation"),
        ("\n".join(_INVITATION.text().splitlines()[2:]), "no invitation"),
        ("\n".join(_INVITATION.text().splitlines()[:-2]), "not complete"),
        ("\n".join([*_INVITATION.text().splitlines()[:3], *_INVITATION.text().splitlines()[4:]]), "not complete"),
        (_INVITATION.line() + "AAAA", "longer than it was"),
        (_INVITATION.line() + "$", "do not belong there"),
        (_INVITATION.line().replace("esmith1", "esmith2"), "newer version"),
        (_INVITATION.line()[:-5] + "AAAAA", "changed when it was copied"),
        ("esmith1:", "not complete"),
        (_packed([]), "no invitation holds"),
        (_packed({}), "no invitation holds"),
        (_packed(dict.fromkeys(_INVITATION.__dict__, 1)), "no invitation holds"),
        (_packed(dict.fromkeys(_INVITATION.__dict__, "1")), "no invitation holds"),
        (_packed(_INVITATION.__dict__ | {"until": True}), "no invitation holds"),
        (_packed(_INVITATION.__dict__ | {"groups": [1]}), "no invitation holds"),
        (_packed(_INVITATION.__dict__ | {"groups": "mx"}), "no invitation holds"),
        (_packed("x" * 300_000), "no invitation holds"),
    ],
)
def test_what_is_no_invitation(text: str, why: str) -> None:
    """What is missing or too much is named; what would unpack to more than an invitation has is not unpacked."""
    with pytest.raises(UsageError, match=why):
        Invitation.read(text)


def test_a_packed_invitation_is_read() -> None:
    """The form that the tests above break is the one that is read."""
    assert Invitation.read(_packed(_INVITATION.__dict__)) == _INVITATION
