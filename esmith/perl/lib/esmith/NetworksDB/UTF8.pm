package esmith::NetworksDB::UTF8;

use strict;
use warnings;

use esmith::NetworksDB;
use esmith::config::utf8;

our @ISA = ('esmith::NetworksDB');

=head1 NAME

esmith::NetworksDB::UTF8 - like esmith::NetworksDB, but texts are characters, not bytes

=cut

sub tie_class {
    return 'esmith::config::utf8';
}

1;
