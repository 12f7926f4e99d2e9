package TestDNS;

# perl -MTestDNS=ADDRESS,PORT: every Net::DNS resolver of the program asks that server, and gives up after a second.
# qpsmtpd runs in taint mode, in which the environment variables of Net::DNS cannot be used for this.

use strict;
use warnings;
use Net::DNS::Resolver;

sub import {
    my (undef, $address, $port) = @_;
    Net::DNS::Resolver->new;    # reads resolv.conf now, so that it cannot do so later
    Net::DNS::Resolver->nameservers($address);
    Net::DNS::Resolver->port($port);
    Net::DNS::Resolver->retry(1);
    Net::DNS::Resolver->retrans(1);
    return;
}

1;
