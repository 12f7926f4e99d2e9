"""The embedded store of a root: an LMDB environment, its rows, and the state of its data file."""
