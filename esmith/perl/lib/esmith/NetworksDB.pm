package esmith::NetworksDB;

use strict;
use warnings;

use esmith::backend;
use esmith::DB::db;

our @ISA = ('esmith::DB::db');

=head1 NAME

esmith::NetworksDB - the database "networks"

=head1 DESCRIPTION

Like esmith::DB::db; without a name the database that ESMITH_NETWORKS_DB names is opened, else C<networks>.

=head2 networks

The records of the type C<network>.

=head2 local_access_spec($access)

Who may use something: C<localhost> gives 127.0.0.1, C<private> (the default) that and every local network as
C<address/mask>, C<public> gives C<ALL>. In scalar context joined by blanks.

=cut

sub _default {
    return $ENV{ESMITH_NETWORKS_DB} || 'networks';
}

sub networks {
    my ($self) = @_;
    return $self->get_all_by_prop(type => 'network');
}

sub local_access_spec {
    my ($self, $access) = @_;
    $access ||= 'private';
    my @found = ('127.0.0.1');
    if ($access eq 'public') {
        @found = ('ALL');
    }
    elsif ($access eq 'private') {
        foreach my $network ($self->networks) {
            my $mask = $network->prop('Mask');
            my $whole = defined $mask && $mask ne '255.255.255.255';
            push @found, $whole ? $network->key . "/$mask" : $network->key;
        }
    }
    elsif ($access ne 'localhost') {
        esmith::backend::complain("local_access_spec: unknown access value $access");
    }
    return wantarray ? @found : "@found";
}

1;
