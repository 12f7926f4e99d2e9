"""Tests of where a fleet shows in the commands, the server-manager and esmith status."""
