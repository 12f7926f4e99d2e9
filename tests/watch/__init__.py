"""Tests of ``esmith watch``."""
