package esmith::DomainsDB::UTF8;

use strict;
use warnings;

use esmith::DomainsDB;

our @ISA = ('esmith::DomainsDB');

=head1 NAME

esmith::DomainsDB::UTF8 - like esmith::DomainsDB, but texts are characters, not bytes

=cut

sub _decodes {
    return 1;
}

1;
