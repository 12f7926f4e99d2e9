"""Telling in advance what of a contrib of SME Server would not work here.

``place``      the tree of a contrib, and what was found in it
``fragments``  its templates and what is said of them
``events``     its events and actions
``databases``  its defaults and migrations
``check``      all of it together
"""
