"""Tests of ``make demo-mail``."""
