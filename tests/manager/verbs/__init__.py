"""Tests of the verbs that change something, and of the jobs that they start."""
