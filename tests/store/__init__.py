"""Tests of the databases: what may be stored, what is journalled, and what survives."""
