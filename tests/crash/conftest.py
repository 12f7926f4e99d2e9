"""What the tests here need of the machine."""

from __future__ import annotations

import pytest

from tests.crash import seccomp


def possible_here() -> None:
    """Skip what needs to stop processes where the kernel cannot."""
    if why := seccomp.why_not():
        pytest.skip(f"not possible here: {why}")
