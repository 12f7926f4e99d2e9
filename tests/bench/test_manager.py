"""The measurement of the server-manager sends what a browser would send of a form."""

from __future__ import annotations

import pytest

from bench.manager import Form
from bench.measuring import CommandError

PAGE = """
<form action="/search"><input name="q" value="x"></form>
<form method="post" action="/a/preview?section=b">
<input type="hidden" name="csrf" value="t&amp;">
<input type="radio" name="v.one" value="=a"><input type="radio" name="v.one" value="=b" checked>
<input type="checkbox" name="v.off" value="=x">
<select name="v.two"><option value="=c">c</option><option value="" selected>not set</option></select>
<textarea name="v.lines">first
second</textarea>
<input name="v.text" value="old">
</form>
<form action="/other/preview"><input name="v.text" value="of another form"></form>
"""


def test_a_form_as_a_browser_sends_it() -> None:
    """What is hidden, typed and chosen is sent, with the values that are changed; what is off and elsewhere is not."""
    form = Form(PAGE, "/preview")
    assert form.action == "/a/preview?section=b"
    assert dict(form.with_values(**{"v.text": "new"})) == {
        "csrf": "t&",
        "v.one": "=b",
        "v.two": "",
        "v.lines": "first\nsecond",
        "v.text": "new",
    }
    with pytest.raises(CommandError, match="no form"):
        Form(PAGE, "/apply")
