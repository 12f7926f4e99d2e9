"""Finding what would not work of a contrib of SME Server, before it is installed, and what its events would do.

``place``      the tree of a contrib, and what was found in it
``fragments``  its templates and their metadata
``variables``  what its fragments read and nobody sets
``interface``  the functions of the original that it calls
``events``     its events
``scripts``    its actions
``databases``  its defaults and migrations
``migrated``   what its migrations make of the databases
``staged``     a copy of the root with the contrib in it
``trial``      its events, tried there
``reading``    their plans where nothing is run
``verdict``    what comes of it
``check``      all of it together
"""
