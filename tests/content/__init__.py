"""Tests of what the shipped templates, events and schema files make of settings."""
