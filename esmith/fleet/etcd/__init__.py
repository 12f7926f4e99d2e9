"""The client of etcd: calls and watches with a time limit, and errors that say what is known of a change.

``client`` is what others use; only the agent of a fleet and the commands of its administrator import it. ``errors``
distinguishes what certainly did not happen from what may have.
"""
