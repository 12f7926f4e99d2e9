package esmith::DomainsDB;

use strict;
use warnings;

use esmith::DB::db;

our @ISA = ('esmith::DB::db');

=head1 NAME

esmith::DomainsDB - the database "domains"

=head1 DESCRIPTION

Like esmith::DB::db; without a name the database that ESMITH_DOMAINS_DB names is opened, else C<domains>.

=head2 domains

The records of the type C<domain>.

=cut

sub _default {
    return $ENV{ESMITH_DOMAINS_DB} || 'domains';
}

sub domains {
    my ($self) = @_;
    return $self->get_all_by_prop(type => 'domain');
}

1;
