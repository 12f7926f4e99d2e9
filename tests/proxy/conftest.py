"""Fixtures: certificates, providers and proxies that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.programs import path_of

from .kit import PASSWORD, USER, Certificate, Mailbox, Provider, Proxy, make_certificate, with_login


@pytest.fixture(scope="session")
def _kept() -> dict[str, Certificate]:
    return {}


@pytest.fixture
def make(tmp_path_factory: pytest.TempPathFactory, _kept: dict[str, Certificate]) -> Callable[[str], Certificate]:
    """Make certificates by openssl, each once."""

    def made(name: str) -> Certificate:
        if name not in _kept:
            _kept[name] = make_certificate(path_of("openssl"), tmp_path_factory.mktemp("certificate"), name)
        return _kept[name]

    return made


@pytest.fixture
def certificate(make: Callable[[str], Certificate]) -> Certificate:
    """The certificate of the provider."""
    return make("IP:127.0.0.1")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Start providers, and proxies by ``start(Proxy, ...)``; all end with the test."""
    running: list[Any] = []

    def begin(one: Any, **lines: str) -> Any:
        if one is Proxy:
            one = Proxy(tmp_path, lines)
        elif isinstance(one, Provider):
            one.start()
        running.append(one)
        return one

    yield begin
    for one in reversed(running):
        one.stop()


@pytest.fixture
def mailbox() -> Mailbox:
    """What the provider got."""
    return Mailbox()


@pytest.fixture
def encrypted(start: Callable[..., Any], mailbox: Mailbox, certificate: Certificate) -> Proxy:
    """A proxy before a provider that wants STARTTLS and a login."""
    provider = start(with_login(mailbox, certificate))
    proxy = start(Proxy, **of_login(provider.port, certificate))
    assert isinstance(proxy, Proxy)
    return proxy


def of_login(port: int, certificate: Certificate) -> dict[str, str]:
    """Return the settings for a provider that wants a login."""
    where = {"Server": "127.0.0.1", "Port": str(port), "CAFile": str(certificate.chain)}
    return {**where, "Userid": USER, "Passwd": PASSWORD}


@pytest.fixture
def plain(start: Callable[..., Any], mailbox: Mailbox) -> Proxy:
    """A proxy before a provider that takes plain connections, without a login."""
    provider = start(Provider(mailbox, enable_SMTPUTF8=True))
    proxy = start(Proxy, Server="127.0.0.1", Port=str(provider.port), TLS="disabled")
    assert isinstance(proxy, Proxy)
    return proxy
