"""Tests of the whole: service directories, and a mail system that runs."""
