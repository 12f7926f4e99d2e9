"""What Perl scripts and Perl fragments see of the databases: a protocol, the service behind it, and Perl modules."""
