"""Tests of the overrides: :mod:`esmith.overrides`."""
