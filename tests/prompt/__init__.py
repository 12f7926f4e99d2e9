"""Completion and manual pages."""
