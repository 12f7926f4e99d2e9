package esmith::AccountsDB::UTF8;

use strict;
use warnings;

use esmith::AccountsDB;

our @ISA = ('esmith::AccountsDB');

=head1 NAME

esmith::AccountsDB::UTF8 - like esmith::AccountsDB, but texts are characters, not bytes

=cut

sub _decodes {
    return 1;
}

1;
