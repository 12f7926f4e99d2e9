"""The desk that the files under test are generated at."""

from tests.content.desk import desk

__all__ = ["desk"]
