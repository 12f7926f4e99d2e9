"""The tests of esmith explain and of what looks like it."""
