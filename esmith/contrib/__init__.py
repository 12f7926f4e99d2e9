"""Finding the parts of a contrib of SME Server that would not work here, before it is installed.

``place``      the tree of a contrib, and what was found in it
``fragments``  its templates and their metadata
``variables``  what its fragments read and nobody sets
``events``     its events and actions
``databases``  its defaults and migrations
``check``      all of it together
"""
