"""The commands, one module each. Thin: what they do is in the packages below, for Python callers too."""
