"""What Perl sees of the databases: a protocol over a pipe, the service that answers it, and the Perl modules.

Both kinds of Perl use it: scripts of their own, as actions (``use esmith::ConfigDB``), and the Perl fragments of
templates, which :mod:`esmith.fragments.perl` runs. Nothing here starts perl.
"""
