"""What makes functions of functions, as :mod:`functools` and :mod:`operator` have it, without what these import.

The work is done by the same code, which Python has in C; where it has not, these modules do it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import operator
    from functools import cache, cached_property, lru_cache, partial
else:
    try:
        import _operator as operator
        from _functools import _lru_cache_wrapper, partial
    except ImportError:
        import operator
        from functools import cache, cached_property, lru_cache, partial
    else:

        def lru_cache(maxsize):
            """Return what has a function remember as many of its results as that, those that were asked for last."""
            return lambda function: _remembering(function, maxsize)

        def cache(function):
            """Have a function remember all of its results."""
            return _remembering(function, None)

        def _remembering(function, most):
            made = _lru_cache_wrapper(function, most, False, lambda *counts: counts)
            made.__doc__, made.__name__, made.__qualname__ = function.__doc__, function.__name__, function.__qualname__
            made.__module__, made.__wrapped__ = function.__module__, function
            return made

        class cached_property:  # noqa: N801 - as functools has it
            """A property that is found out once for each object, which has it then."""

            def __init__(self, function):
                self._function = function
                self.__doc__ = function.__doc__

            def __set_name__(self, owner, name):
                self._name = name

            def __get__(self, data, owner=None):
                if data is None:
                    return self
                found = data.__dict__[self._name] = self._function(data)
                return found


__all__ = ["cache", "cached_property", "lru_cache", "operator", "partial"]
