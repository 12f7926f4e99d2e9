"""``esmith explain`` and what belongs to it: why a line is in a file, what a setting means and what reads it.

Everything here only looks. Nothing is written, and no lock is taken.
"""
