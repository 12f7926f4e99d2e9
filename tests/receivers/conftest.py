"""The desk every test of this folder tries settings at."""

from tests.content.desk import desk

__all__ = ["desk"]
