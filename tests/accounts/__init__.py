"""Tests of the unix accounts."""
