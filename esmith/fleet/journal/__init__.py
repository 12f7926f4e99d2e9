"""The journal of a fleet: rows that each host signs, chained by their hashes, and what each signer may write.

Nothing here knows a network. ``row`` is what one row holds and how it is written down, ``members`` who is in the fleet
and may write what, ``chain`` whether a row is the next one; ``keys`` signs, ``certificates`` is for the connections to
etcd, ``token`` is an invitation as text, ``files`` keeps what is secret.
"""
