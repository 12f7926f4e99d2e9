package esmith::DB;

use strict;
use warnings;

use esmith::backend;

our $Error;

=head1 NAME

esmith::DB - what all databases can do

=head1 SYNOPSIS

    use esmith::ConfigDB;
    my $db = esmith::ConfigDB->open or die esmith::DB->error;

    my $mode = $db->get_value('SystemMode');
    my $list = $db->get_prop('qpsmtpd', 'RBLList') || '';
    $db->set_prop('qpsmtpd', 'DNSBL', 'enabled');
    foreach my $user ($db->get_all_by_prop(type => 'user')) { ... }

=head1 DESCRIPTION

The methods that need no more than C<open>, C<get>, C<get_all> and C<new_record> of a subclass (esmith::DB::db).

Writing is refused, with a C<die> that names the reason and the place in the script, where the store or the schema
does not take a value: nothing is changed silently, and an action that does not catch it fails.

=head2 error, set_error

Why the last C<open> or C<create> returned nothing.

=cut

sub error {
    return $Error;
}

sub set_error {
    my ($self, $error) = @_;
    $Error = $error;
    return;
}

=head2 as_hash

C<%hash = $db-E<gt>as_hash> or C<%hash = CLASS-E<gt>as_hash($file)>: for each key a reference to a hash of its
properties, C<type> among them.

=cut

sub as_hash {
    my ($proto, $file) = @_;
    my $self = ref $proto ? $proto : $proto->open($file);
    return unless $self;
    return map { ($_->key => { $_->props }) } $self->get_all;
}

=head2 get_all_by_prop(PROP => VALUE, ...)

The records whose properties have these values, in order of their keys. One item of a comma list is enough.

=cut

sub get_all_by_prop {
    my ($self, @wanted) = @_;
    if (ref $wanted[0] eq 'HASH') {
        esmith::backend::complain('get_all_by_prop called with anonymous hash argument');
        @wanted = %{ $wanted[0] };
    }
    my %wanted = @wanted;
    # The original takes the value as a pattern; one that is none is taken as a text.
    local ($@, $SIG{__DIE__});
    my %pattern = map {
        my $value = $wanted{$_};
        ($_ => eval { qr/(?:^|,)$value(?:,|$)/ } || qr/(?:^|,)\Q$value\E(?:,|$)/)
    } keys %wanted;
    my @found;
    foreach my $record ($self->get_all) {
        my $fits = 1;
        foreach my $name (keys %pattern) {
            my $value = $record->prop($name);
            $fits &&= defined $value && $value =~ $pattern{$name};
        }
        push @found, $record if $fits;
    }
    return @found;
}

=head2 list_by_type($type)

The keys of the records of a type.

=cut

sub list_by_type {
    my ($self, $type) = @_;
    return map { $_->key } $self->get_all_by_prop(type => $type);
}

=head2 get_value($key), get_prop($key, $prop)

The type of a record (the value of one without properties), a property; undef when there is none.

=head2 get_value_and_delete($key), get_prop_and_delete($key, $prop)

The same, and the record or the property is deleted: for migrations.

=cut

sub get_value_and_delete {
    my ($self, $key) = @_;
    my $record = $self->get($key) or return undef;
    my $value = $record->value;
    $record->delete;
    return $value;
}

sub get_prop_and_delete {
    my ($self, $key, $prop) = @_;
    my $record = $self->get($key) or return undef;
    return undef unless defined $record->prop($prop);
    return $record->delete_prop($prop);
}

=head2 record_has_defaults($key)

1 when a contrib or this version has defaults for the record, else undef.

=cut

sub record_has_defaults {
    my ($self, $key) = @_;
    unless (defined $key && length $key) {
        esmith::backend::complain("record_has_defaults can't determine record name");
        return undef;
    }
    my ($name) = $self->file =~ m{([^/]+)\z};
    my $directory = ($ENV{ESMITH_DB_DEFAULTSDIR} || esmith::backend::under('/etc/e-smith/db')) . "/$name";
    return -d "$directory/defaults/$key" || -d "$directory/force/$key" || -f "$directory/$key.toml" ? 1 : undef;
}

=head2 migrate

Runs C<esmith initialize-databases>: migrations, defaults and forced values of every database. Returns whether that
went well.

=cut

sub migrate {
    my ($self) = @_;
    esmith::backend::fail('a template may not migrate databases') if $esmith::backend::CALL;
    $esmith::backend::CHANGES++;
    my $program = esmith::backend::under('/sbin/e-smith/esmith');
    return 1 if system({$program} $program, 'initialize-databases') == 0;
    $self->set_error('esmith initialize-databases failed');
    return 0;
}

=head2 resetToDefaults

Gives every property that has a default or a forced value that value, in one transaction, also those that were set to
something else. What has no default stays. Passwords that were generated stay. Returns 1. Not to be used lightly: the
settings of the administrator are gone, and C<esmith undo> brings them back.

=cut

sub resetToDefaults {
    my ($self) = @_;
    esmith::backend::fail('The DB is open read-only') if $self->is_ro;
    $self->_ask('reset');
    return 1;
}

1;
