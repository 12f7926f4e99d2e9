"""Files of ``services-custom`` that are edited: scripts have to compile, and settings to be in order."""

from __future__ import annotations

import pytest

from esmith.errors import EsmithError, ExitCode, ServiceError, TemplateError
from esmith.layout import Layout
from esmith.overrides.service_trial import check_service_file
from tests.commands import Answer, Root
from tests.overrides.kit import ship_older

OWN = "/etc/e-smith/services-custom"


def _edit(root: Root, words: tuple[str, ...], editor: str, *, code: int = 0) -> Answer:
    """Edit with a program that changes the file at once, where nobody is at a terminal."""
    return root.run("esmith", "overrides", "edit", *words, env={"VISUAL": "", "EDITOR": editor}, code=code)


def test_a_run_script_that_does_not_compile_is_not_saved(root: Root) -> None:
    """A run script with an open if is refused with its line in the draft; corrected, the draft is saved."""
    draft = root.file("/var/lib/e-smith/drafts/edit/services-custom/clamd/run")
    words = ("services-custom/clamd", "run")
    answer = _edit(root, words, "sed -i '1i if true; then'", code=ExitCode.TEMPLATE)
    lines = root.read("/etc/e-smith/services/clamd/run").count("\n") + 2
    assert f"{draft}:{lines}: does not compile: Syntax error: end of file unexpected" in answer.err
    assert not root.file(f"{OWN}/clamd/run").exists() and draft.exists()
    answer = _edit(root, words, "sed -i '2i true; fi'")
    assert "takes effect when the service directories are written again" in answer.out
    assert root.read(f"{OWN}/clamd/run").startswith("if true; then\ntrue; fi\n")


def test_a_mistake_in_service_toml_is_not_saved(root: Root) -> None:
    """A key that no service has is refused as an event would refuse it, and the draft is named."""
    answer = _edit(root, ("services-custom/clamd", "service.toml"), "sed -i '$a [useful'", code=ExitCode.SERVICE)
    assert "drafts/edit/services-custom/clamd/service.toml: cannot be read: " in answer.err
    with pytest.raises(ServiceError, match="unknown key 'withn'"):
        check_service_file(Layout(str(root.path)), "clamd/service.toml", b"[probe]\nwithn = 1\n", "draft")
    with pytest.raises(ServiceError, match="unknown key 'start'"):
        check_service_file(Layout(str(root.path)), "service.toml", b'start = "status"\n', "draft")


@pytest.mark.parametrize(
    ("inner", "text", "place", "message"),
    [
        ("clamd/run", "#!/usr/bin/perl\nexec clamd\n", "draft:1", "/bin/sh runs this"),
        ("clamd/run", "#!/bin/bash\nx=(1 2)\n", "draft:2", "does not compile: Syntax error"),
        ("clamd/log", "true\nfi\n", "draft:2", "does not compile: Syntax error"),
        ("begin", "#!/bin/bash\ncase x in\n", "draft:3", "does not compile: syntax error"),
        ("clamd/helper", "#!/usr/bin/env bash\n\nfi\n", "draft:3", "does not compile: syntax error"),
        ("clamd/helper", "#!/usr/bin/perl\nuse strict;\n$x = 1;\n", "draft:3", "does not compile: Global symbol"),
        ("clamd/helper", "#!/usr/bin/python3\nprint 1\n", "draft:2", "does not compile: Missing parentheses"),
        ("clamd/helper", "#!/bin/bash\n\0\xff\x1b[2J fi\nfi\n", "draft", "does not compile: draft: cannot execute"),
    ],
)
def test_scripts_that_do_not_compile(root: Root, inner: str, text: str, place: str, message: str) -> None:
    """What runs a script is asked whether it compiles, and the line is named; a part is for the shell of the whole."""
    with pytest.raises(TemplateError) as caught:
        check_service_file(Layout(str(root.path)), inner, text.encode("latin-1"), "draft")
    assert message in caught.value.message and caught.value.place.startswith(place)


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        ("clamd/run", "exec clamd\n"),
        ("clamd/run", ""),
        ("clamd/run", "#!/bin/bash\nexec clamd\n"),
        ("clamd/helper", "no script {\n"),
        ("clamd/helper", "#!/usr/bin/ruby\n{{{\n"),
        ("clamd/systemd", "[Service]\nNice=5\n"),
        ("clamd/helper", "#!/usr/bin/perl -T\nuse esmith::ConfigDB;\n"),
    ],
)
def test_files_of_services_that_are_in_order(root: Root, inner: str, text: str) -> None:
    """A script that compiles, an empty one, and what is not a script are in order."""
    lines = check_service_file(Layout(str(root.path)), inner, text.encode(), "draft")
    assert not any("not checked" in line for line in lines if "ruby" not in text)


def test_the_shipped_pieces_compile(root: Root) -> None:
    """Each shipped script and each service.toml passes the check of an override, so a copy of it can be saved."""
    services = root.file("/etc/e-smith/services")
    for path in sorted(services.rglob("*")):
        if path.is_file():
            inner = str(path.relative_to(services))
            try:
                check_service_file(Layout(str(root.path)), inner, path.read_bytes(), inner)
            except EsmithError as error:
                pytest.fail(str(error))


@pytest.mark.parametrize("mode", [0o755, 0o644])
def test_the_mode_is_that_of_the_shipped_one(root: Root, mode: int) -> None:
    """A copy of a shipped file has its mode: it can be run where that can; but nobody else may write it."""
    ship_older(root, "services/clamd/run", "#!/bin/sh\n")
    root.file("/etc/e-smith/services/clamd/run").chmod(mode)
    _edit(root, ("services-custom/clamd", "run"), "sed -i '$a exec clamd'")
    assert root.file(f"{OWN}/clamd/run").stat().st_mode & 0o777 == mode & 0o755


def test_a_new_service_can_be_begun(root: Root) -> None:
    """The run script of a service that is not there yet can be edited: it makes one. Its log alone does not."""
    _edit(root, ("services-custom/rspamd", "run"), "sh -c 'echo exec rspamd >$0'")
    assert root.read(f"{OWN}/rspamd/run") == "exec rspamd\n"
    answer = _edit(root, ("services-custom/clmad", "log"), "false", code=ExitCode.USAGE)
    assert "did you mean: esmith overrides edit services-custom/clamd/log" in answer.err
