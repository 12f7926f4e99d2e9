"""Services under runit, daemontools or systemd, behind one protocol (docs/architecture.md#supervisors).

    ``definition``   reads the directory of a service; ``service``   what is in it
    ``words``    the words of ``services2adjust``: what each does, which is the strongest
    ``find``     which supervisor has a service
    ``adjust``   what an event does to a service
    ``health``   whether the service stays up afterwards
    ``model``    the protocol, and the state of a service
    ``runit``, ``daemontools``, ``systemd``, ``recording``   its implementations

Nothing here reads a database: the caller says whether a service is enabled.
"""
