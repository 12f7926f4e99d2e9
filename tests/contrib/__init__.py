"""A contrib of SME Server: copied, and looked at before."""
