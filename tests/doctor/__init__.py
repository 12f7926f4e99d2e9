"""Tests of ``esmith doctor``."""
