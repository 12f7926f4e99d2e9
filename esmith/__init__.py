"""A configuration database and template-expansion engine: e-smith in Python.

The packages, in the order in which they may import one another (each only those to its right):

    cli -> events -> (apply, services) -> fragments -> perl -> (store, schema) -> layout -> trust -> errors

``watch`` and ``contrib`` stand between cli and events, ``directories`` and ``environment`` beside trust, ``names``
beside errors.
"""

__version__ = "0.1.0"
