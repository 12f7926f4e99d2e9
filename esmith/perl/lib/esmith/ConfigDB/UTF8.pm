package esmith::ConfigDB::UTF8;

use strict;
use warnings;

use esmith::ConfigDB;
use esmith::config::utf8;

our @ISA = ('esmith::ConfigDB');

=head1 NAME

esmith::ConfigDB::UTF8 - like esmith::ConfigDB, but texts are characters, not bytes

=cut

sub tie_class {
    return 'esmith::config::utf8';
}

1;
