package esmith::HostsDB;

use strict;
use warnings;

use esmith::DB::db;

our @ISA = ('esmith::DB::db');

=head1 NAME

esmith::HostsDB - the database "hosts"

=head1 DESCRIPTION

Like esmith::DB::db; without a name the database that ESMITH_HOSTS_DB names is opened, else C<hosts>.

=head2 hosts

The records of the type C<host>.

=head2 get_hosts_by_domain($domain)

The records of the hosts directly in a domain.

=head2 propogate_hosts($old, $new)

Renames the hosts whose first name is C<$old> to C<$new>, as when this server gets another name; returns the new
records. (The name is spelt as in the original.)

=cut

sub _default {
    return $ENV{ESMITH_HOSTS_DB} || 'hosts';
}

sub hosts {
    my ($self) = @_;
    return $self->get_all_by_prop(type => 'host');
}

sub get_hosts_by_domain {
    my ($self, $domain) = @_;
    return grep { $_->key =~ /\A[^.]+\.\Q$domain\E\z/ } $self->get_all;
}

sub propogate_hosts {
    my ($self, $old, $new) = @_;
    my @renamed;
    foreach my $host ($self->hosts) {
        my ($rest) = $host->key =~ /\A\Q$old\E\.(.*)\z/s or next;
        my $record = $self->new_record("$new.$rest", { $host->props });
        push @renamed, $record if $record;
        $host->delete;
    }
    return @renamed;
}

1;
