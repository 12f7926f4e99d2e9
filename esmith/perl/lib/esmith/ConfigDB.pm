package esmith::ConfigDB;

use strict;
use warnings;

use esmith::DB::db;
use esmith::ConfigDB::Record;

our @ISA = ('esmith::DB::db');

=head1 NAME

esmith::ConfigDB - the database "configuration"

=head1 DESCRIPTION

Like esmith::DB::db; C<open>, C<open_ro> and C<create> without a name mean the database that ESMITH_CONFIG_DB names,
else C<configuration>.

=cut

sub _default {
    return $ENV{ESMITH_CONFIG_DB} || 'configuration';
}

sub _record_class {
    return 'esmith::ConfigDB::Record';
}

sub get {
    my ($self, $key) = @_;
    return scalar $self->SUPER::get($key);
}

sub new_record {
    my ($self, @arguments) = @_;
    return scalar $self->SUPER::new_record(@arguments);
}

=head2 services

The keys of the records of the type C<service>.

=head2 getLocale

Language, type of the keyboard and its table, of the record C<sysconfig>; undef when there is no such record.

=head2 wins_server

The address of the WINS server: what the record C<smb> names, else this server where it is the domain master, else
undef.

=cut

sub services {
    my ($self) = @_;
    return $self->list_by_type('service');
}

sub getLocale {
    my ($self) = @_;
    my $record = $self->get('sysconfig') or return undef;
    return (
        $record->prop('Language')     || 'en_US',
        $record->prop('KeyboardType') || 'pc',
        $record->prop('Keytable')     || 'us',
    );
}

sub wins_server {
    my ($self) = @_;
    my $server = $self->get_prop('smb', 'WINSServer');
    return $server if $server;
    my $role = $self->get_prop('smb', 'ServerRole') || 'WS';
    return undef unless $role eq 'PDC' || $role eq 'ADS';
    return $self->get_prop('InternalInterface', 'IPAddress');
}

1;
