"""Tests of what a member of a fleet keeps in its store."""
