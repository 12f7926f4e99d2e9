"""The agent of a member: one quiet process that follows the journal and sends what commands of this host change.

``running`` starts and ends it. ``following`` reads the journal of etcd and has ``local`` apply each row; ``answering``
is its socket, at which commands ask ``sending`` to write a row; ``outbox`` keeps what was sent until it is known what
became of it; ``reporting`` says how it is; ``signalling`` runs the events that the fleet asks for.
"""
