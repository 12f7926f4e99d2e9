package esmith::HostsDB::UTF8;

use strict;
use warnings;

use esmith::HostsDB;

our @ISA = ('esmith::HostsDB');

=head1 NAME

esmith::HostsDB::UTF8 - like esmith::HostsDB, but texts are characters, not bytes

=cut

sub _decodes {
    return 1;
}

1;
