package esmith::ConfigDB::UTF8;

use strict;
use warnings;

use esmith::ConfigDB;

our @ISA = ('esmith::ConfigDB');

=head1 NAME

esmith::ConfigDB::UTF8 - like esmith::ConfigDB, but texts are characters, not bytes

=cut

sub _decodes {
    return 1;
}

1;
