"""Tests of the schema: what a record may hold, its defaults and migrations."""
