"""``esmith doctor``: whether the installation is whole, and whether mail works.

Each area is a module with its checks. A check is a function from a :class:`esmith.doctor.case.Case` to findings; it
changes nothing, and has a time limit for all that it waits for.
"""
