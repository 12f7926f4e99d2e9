"""The files for the prompt that ``esmith init`` installs: made of the declarations of all commands."""

from __future__ import annotations

from esmith.cli.declarations import all_declarations
from esmith.layout import Layout
from esmith.prompt.completion import completion_files
from esmith.prompt.manual import manual_pages
from esmith.prompt.table import text_of


def prompt_files(layout: Layout) -> dict[str, bytes]:
    """Return the scripts of completion and the manual pages, as paths of this disk.

    :raises InstallError: when a Python package is missing.
    """
    declarations = all_declarations()
    return completion_files(layout, declarations, text_of(declarations)) | manual_pages(layout, declarations)
