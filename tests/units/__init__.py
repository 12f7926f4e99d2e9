"""What a real systemd does with our units: ``python3 -m tests.units``, at ``/`` of a machine of its own.

Nothing here is a test of pytest. Standard library only.
"""
