"""Tests of the journal of a fleet."""
