"""Several servers that share settings over etcd (docs/fleet.md).

Each server keeps its own databases, and nothing that reads waits for a network. ``replica`` is what a member keeps in
them, ``journal`` the rows that all members agree on, ``etcd`` the client, ``agent`` the process that follows the
journal and sends, ``admin`` what the commands of an administrator do. No other command imports any of it but through
the hook at the end of a transaction of a member (:mod:`esmith.fleet.replica.ending`).
"""
