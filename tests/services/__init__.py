"""Tests of esmith.services."""
