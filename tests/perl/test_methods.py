"""Every documented method of the original: it gives what its documentation says, or says why it is not there."""

from __future__ import annotations

import pytest

from tests.perl.kit import Script
from tests.perl.methods import DOCUMENT, Module, made, modules

MODULES = modules()


@pytest.mark.program("perl")
@pytest.mark.parametrize("module", [module for module in MODULES if module.yes], ids=lambda module: module.name)
def test_each_method_gives_what_is_documented(script: Script, module: Module) -> None:
    """All calls of a module, in one script; each prints what the table says."""
    lines = [module.use.replace("\n", " ")]
    for method in module.yes:
        lines += [
            f"$| = 1; print qq{{\\x01}}, '{method.name}', qq{{\\n}};",
            f"{{ my @given = ({method.call}); show(@given); }}",
        ]
    answer = script.run("\n".join(lines))
    assert answer.err == ""
    found = {}
    for part in answer.out.split("\x01")[1:]:
        name, _, given = part.partition("\n")
        found[name] = given.removesuffix("\n")
    assert found == {method.name: method.gives for method in module.yes}


@pytest.mark.program("perl")
@pytest.mark.parametrize("module", [module for module in MODULES if module.no], ids=lambda module: module.name)
def test_each_missing_method_says_why(script: Script, module: Module) -> None:
    """A call dies with the name, the reason and the line of the script."""
    for name, reason in module.no.items():
        answer = script.run(f"{module.use}\n{module.name}::{name}('a', 'b', 'c');", status=None)
        assert f"{module.name}::{name} is not provided: {reason} at " in answer.err
        assert "script.pl line" in answer.err


@pytest.mark.program("perl")
@pytest.mark.parametrize("module", [module for module in MODULES if module.absent], ids=lambda module: module.name)
def test_a_missing_module_says_why(script: Script, module: Module) -> None:
    """Loading it dies with its name and the reason."""
    answer = script.run(f"use {module.name};", status=None)
    assert f"the module {module.name} is not provided: {module.absent}\n" in answer.err


def test_the_document_has_the_table() -> None:
    """docs/perl.md lists them one by one; "python -m tests.perl.methods" writes it."""
    text = DOCUMENT.read_text()
    assert made(text) == text
