"""Contribs in the manner of those of SME Server, each with what its events have to do."""
