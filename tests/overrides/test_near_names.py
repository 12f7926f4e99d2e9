"""Names that are misspelt: the message names what was meant."""

from __future__ import annotations

from esmith.errors import ExitCode
from tests.commands import Root
from tests.overrides.kit import CUSTOM

MINE = f"{CUSTOM}/etc/clamd.conf/MaxFiles"


_SLIPS = (
    (("dif", MINE), "there is no action 'dif'", "did you mean 'diff'?"),
    (("Edit", MINE), "there is no action 'Edit'", "did you mean 'edit'?"),
    (("discrad",), "there is no action 'discrad'", "did you mean 'discard'?"),
    (("/etc/clamd.conf/MaxFile",), "there is no override at", f"did you mean {MINE}?"),
    (("/etc/clamd.cnf",), "there is no override at", f"did you mean {CUSTOM}/etc/clamd.conf?"),
    (("diff", "maxfiles"), "there is no override at", f"did you mean {MINE}?"),
    (("merge", "/etc/clamd.conf/MaxFlies"), "there is no override at", f"did you mean {MINE}?"),
    (("accept", "MaxFiles"), "there is no override at", f"did you mean {MINE}?"),
    (("accept", "services-custom/clamd/runn"), "there is no override at", "did you mean /etc/e-smith/services"),
    (
        ("diff", "/etc/freshclam.conf/Checks"),
        "there is no override at",
        "to make one of your own: esmith overrides",
    ),
    (("diff", "/no/such/thing"), "there is no override at", "esmith overrides lists all of them"),
    (("edit", "/etc/clamd.cnf", "MaxFiles"), "no event and no shipped template", "edit /etc/clamd.conf MaxFiles"),
    (
        ("discard", "/etc/clamd.conf/MaxThread"),
        "there is no draft",
        f"did you mean {CUSTOM}/etc/clamd.conf/MaxThreads?",
    ),
)


def test_what_was_meant_is_named(root: Root) -> None:
    """A misspelt action, path, template or draft is refused, and the message names the one that is close."""
    root.custom("/etc/clamd.conf/MaxFiles", "MaxFiles 5\n")
    root.write("/etc/e-smith/services-custom/clamd/run", "exec clamd\n")
    root.write("/var/lib/e-smith/drafts/edit/templates-custom/etc/clamd.conf/MaxThreads", "x\n")
    for words, message, hint in _SLIPS:
        err = root.esmith("overrides", *words, code=ExitCode.USAGE).err
        assert message in err and hint in err, words


def test_a_new_fragment_that_may_be_a_slip(root: Root) -> None:
    """A fragment of a new name is saved, since it may be meant; the one whose name is close is named before that."""
    words = ("esmith", "overrides", "edit", "/etc/clamd.conf")
    editor = {"VISUAL": "", "EDITOR": "sh -c 'echo LogClean no >$0'"}
    out = root.run(*words, "Logclean", env=editor).out
    assert "did you mean LogClean: esmith overrides edit /etc/clamd.conf LogClean" in out.splitlines()
    assert "did you mean" not in root.run(*words, "90own", env=editor).out
