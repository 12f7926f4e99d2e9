"""Tests of the fragments."""
