"""What the tests of the replica share."""

from tests.fleet.replica.fleet import fleet, member

__all__ = ["fleet", "member"]
