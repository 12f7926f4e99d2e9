"""The server-manager: its helper, its web process, and both in a real browser."""
