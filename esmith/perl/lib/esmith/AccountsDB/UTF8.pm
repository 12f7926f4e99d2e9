package esmith::AccountsDB::UTF8;

use strict;
use warnings;

use esmith::AccountsDB;
use esmith::config::utf8;

our @ISA = ('esmith::AccountsDB');

=head1 NAME

esmith::AccountsDB::UTF8 - like esmith::AccountsDB, but texts are characters, not bytes

=cut

sub tie_class {
    return 'esmith::config::utf8';
}

1;
