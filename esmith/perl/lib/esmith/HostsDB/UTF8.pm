package esmith::HostsDB::UTF8;

use strict;
use warnings;

use esmith::HostsDB;
use esmith::config::utf8;

our @ISA = ('esmith::HostsDB');

=head1 NAME

esmith::HostsDB::UTF8 - like esmith::HostsDB, but texts are characters, not bytes

=cut

sub tie_class {
    return 'esmith::config::utf8';
}

1;
