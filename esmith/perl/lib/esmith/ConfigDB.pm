package esmith::ConfigDB;

use strict;
use warnings;

use esmith::backend;
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

=head2 hosts_allow_spec($service, $daemon)

The line of F</etc/hosts.allow> for a service, without a newline: C<DAEMON: > and what its property C<access> allows
(esmith::NetworksDB, C<local_access_spec>); a comment that says so where there is no such service, or it is not
enabled. Without C<$daemon> the daemon is called as the service.

=cut

sub hosts_allow_spec {
    my ($self, $service, $daemon) = @_;
    $daemon = $service unless defined $daemon && length $daemon;
    my $record = $self->get($service) or return "# '$service' is not defined in the configuration database";
    my $status = $record->prop('status') || 'disabled';
    return "# '$service' is disabled in the configuration database" unless $status eq 'enabled';
    require esmith::NetworksDB;
    my $networks = esmith::NetworksDB->open_ro or esmith::backend::fail('cannot open the database networks');
    return "$daemon: " . $networks->local_access_spec($record->prop('access') || 'private');
}

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
