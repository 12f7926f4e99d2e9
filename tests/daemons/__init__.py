"""Tests of generated files with the real programs of Debian 12."""
