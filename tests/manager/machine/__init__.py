"""The server-manager at ``/`` of a machine: ``python3 -m tests.manager.machine`` plays it."""
