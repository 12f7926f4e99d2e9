package esmith::DomainsDB::UTF8;

use strict;
use warnings;

use esmith::DomainsDB;
use esmith::config::utf8;

our @ISA = ('esmith::DomainsDB');

=head1 NAME

esmith::DomainsDB::UTF8 - like esmith::DomainsDB, but texts are characters, not bytes

=cut

sub tie_class {
    return 'esmith::config::utf8';
}

1;
