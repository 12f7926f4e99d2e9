"""Tests of what Perl sees: the protocol, the service, the Perl modules and the process that serves them."""
