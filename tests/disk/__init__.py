"""Tests of reaching files by descriptors, above all in directories of users who are hostile."""
