package esmith::NetworksDB::UTF8;

use strict;
use warnings;

use esmith::NetworksDB;

our @ISA = ('esmith::NetworksDB');

=head1 NAME

esmith::NetworksDB::UTF8 - like esmith::NetworksDB, but texts are characters, not bytes

=cut

sub _decodes {
    return 1;
}

1;
