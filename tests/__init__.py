"""The tests. Each docstring states a behaviour."""
