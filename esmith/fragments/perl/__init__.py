"""The engine of Perl fragments: one perl with the real Text::Template for a whole event.

What a fragment asks of the databases is answered by :mod:`esmith.perl`, as it is for scripts of their own.
"""
