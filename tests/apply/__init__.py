"""Tests of applying a plan."""
