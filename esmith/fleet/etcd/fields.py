"""Reads the fields of etcd's answers: whatever is of the wrong type is a malformed answer, never a traceback."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from esmith.fleet.etcd.operations import Found, KeyValue, TxnResult
from esmith.printable import printable

#: Digits of a number of 64 bits.
_DIGITS = 20
#: Characters that are shown of a text.
_SHOWN = 300


class MalformedError(Exception):
    """An answer is not one of etcd's API."""


def number(body: Mapping[str, Any], name: str) -> int:
    """Return a number, which JSON has as text or left out when it is 0."""
    value = body.get(name, 0)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64:
        return value
    raise MalformedError(f"{name} is not a number")


def truth(body: Mapping[str, Any], name: str) -> bool:
    """Return a truth value, false when it was left out."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise MalformedError(f"{name} is not true or false")
    return value


def text(body: Mapping[str, Any], name: str) -> str:
    """Return a text, empty when it was left out."""
    value = body.get(name, "")
    if not isinstance(value, str):
        raise MalformedError(f"{name} is not a text")
    return value


def raw(body: Mapping[str, Any], name: str) -> bytes:
    """Return bytes, which JSON has in base64."""
    try:
        return base64.b64decode(text(body, name), validate=True)
    except ValueError as error:
        raise MalformedError(f"{name} is not base64") from error


def table(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an object, empty when it was left out."""
    value = body.get(name, {})
    if not isinstance(value, dict):
        raise MalformedError(f"{name} is not an object")
    return value


def tables(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return a list of objects, empty when it was left out."""
    value = body.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise MalformedError(f"{name} is not a list of objects")
    return value


def words(body: Mapping[str, Any], name: str) -> str:
    """Return a text that is shown: without what would break a terminal, and not too long."""
    return printable(text(body, name)[:_SHOWN])


def texts(body: Mapping[str, Any], name: str) -> list[str]:
    """Return a list of texts, empty when it was left out."""
    value = body.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise MalformedError(f"{name} is not a list of texts")
    return value


def key_value(body: Mapping[str, Any]) -> KeyValue:
    """Return a key with its value."""
    return KeyValue(raw(body, "key"), raw(body, "value"), number(body, "mod_revision"))


def revision_of(body: Mapping[str, Any]) -> int:
    """Return the revision of etcd in the header of an answer."""
    return number(table(body, "header"), "revision")


def found(body: Mapping[str, Any]) -> Found:
    """Return what a range holds."""
    rows = [key_value(each) for each in tables(body, "kvs")]
    return Found(rows, revision_of(body), truth(body, "more"), number(body, "count"))


def result(body: Mapping[str, Any]) -> TxnResult:
    """Return what became of a transaction."""
    if "header" not in body:
        raise MalformedError("there is no header")
    responses = []
    for each in tables(body, "responses"):
        if "response_range" in each:
            responses.append(found(table(each, "response_range")))
        else:
            done = table(each, "response_delete_range") or table(each, "response_put")
            responses.append(Found((), revision_of(done), total=number(done, "deleted")))
    return TxnResult(truth(body, "succeeded"), revision_of(body), responses)
