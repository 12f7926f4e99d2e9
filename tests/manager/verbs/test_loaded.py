"""What a verb needs is loaded before its process is made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.commands import Root

_SCRIPT = """
import sys
from esmith.layout import Layout
from esmith.manager.helper.context import Context
from esmith.manager.helper.loaded import load_modules
from esmith.manager.helper.server import all_verbs
from esmith.store import open_store
verbs = all_verbs()
load_modules()
layout = Layout(sys.argv[1])
open_store(layout).close()  # what was copied is verified first
loaded = {*sys.modules}
context = Context(layout, "admin", "192.0.2.7")
form = verbs["panel"](context, {"panel": "configuration/email"})
value = next(f["value"] for s in form["sections"] for f in s["fields"] if f["name"] == "Sensitivity")
values = {"Sensitivity": "low" if value == "high" else "high"}
operation = {"kind": "form", "panel": "configuration/email", "values": values, "revision": form["revision"]}
assert verbs["preview"](context, {"operation": operation})["files"]
print(*sorted(name for name in {*sys.modules} - loaded if name.startswith("esmith.")))
"""


def test_a_form_and_a_preview_load_nothing(office: Root, tmp_path: Path) -> None:
    """A form and the preview of a change of it load no module of ours that the helper has not loaded."""
    found = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(office.path)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert found.stderr == ""
    assert found.stdout.split() == []
