package esmith::DB::db::Record;

use strict;
use warnings;

use esmith::backend;
use esmith::DB::Record;

our @ISA = ('esmith::DB::Record');

=head1 NAME

esmith::DB::db::Record - one record of a database

=head1 SYNOPSIS

    my $record = $db->get('qpsmtpd') or die 'no record';
    my $status = $record->prop('status');
    $record->merge_props(DNSBL => 'enabled', RHSBL => 'enabled');

=head1 DESCRIPTION

The type is the property C<type>. Each method that writes is one change of the database: all of it or nothing.

A value may hold C<|>, unlike in the original, which took it away. A value in which C<\|> is stored is read as C<|>.

=cut

sub _construct {
    my ($class, $db, $key, $type, $props) = @_;
    my $self = bless { db => $db, key => $key }, $class;
    @{$self}{qw(type props copied)} = ($type, $props, $esmith::backend::CHANGES) if defined $type;
    return $self;
}

# A text as it is meant: the original's files have "\|" for a "|" in a value.
sub unescaped {
    my ($text) = @_;
    $text =~ s/\\\|/|/g if defined $text;
    return $text;
}

sub _is_copied {
    my ($self) = @_;
    return defined $self->{copied} && $self->{copied} == $esmith::backend::CHANGES;
}

sub _write {
    my ($self, @words) = @_;
    esmith::backend::fail('The DB is open read-only') if $self->{db}->is_ro;
    my $operation = shift @words;
    return $self->{db}->_ask($operation, $self->{key}, esmith::DB::db::_defined(@words));
}

=head2 key

The key.

=head2 prop($prop)

A property, undef when there is none.

=head2 props

All properties with their values; in scalar context how many there are.

=cut

sub key {
    my ($self) = @_;
    return $self->{key};
}

sub prop {
    my ($self, $prop, @more) = @_;
    esmith::backend::complain("prop() got extra arguments '@more'. Maybe you meant set_prop()?") if @more;
    if ($self->_is_copied) {
        return unescaped($prop eq 'type' ? $self->{type} : $self->{props}{$prop});
    }
    return unescaped(scalar $self->{db}->_ask('prop', $self->{key}, $prop eq 'type' ? '' : $prop));
}

sub props {
    my ($self) = @_;
    my @fields = $self->_is_copied ? ($self->{type}, %{ $self->{props} }) : $self->{db}->_ask('record', $self->{key});
    my ($type, %props) = @fields;
    $props{type} = $type;
    $_ = unescaped($_) for values %props;
    return wantarray ? %props : scalar keys %props;
}

=head2 set_prop($prop, $value), merge_props(%props), reset_props(%props)

Set one property; set several and keep the others; replace all, C<type> among them. undef is stored as an empty text.
They return true, or false when the record is gone.

=cut

sub set_prop {
    my ($self, $prop, $value) = @_;
    return $self->_write('set_props', $prop eq 'type' ? '' : $prop, $value) || undef;
}

sub merge_props {
    my ($self, @props) = @_;
    my %props = _hash('merge_props', @props);
    $props{''} = delete $props{type} if exists $props{type};
    return 1 if $self->_write('set_props', %props);
    return undef unless defined $props{''};
    my $type = delete $props{''};
    return $self->_write('set', $type, %props) || undef;
}

sub reset_props {
    my ($self, @props) = @_;
    my %props = _hash('reset_props', @props);
    my $type = delete $props{type};
    esmith::backend::fail('The DB is open read-only') if $self->{db}->is_ro;
    esmith::backend::fail('You must have a type property') unless defined $type && length $type;
    return $self->_write('set', $type, %props) || undef;
}

sub _hash {
    my ($method, @props) = @_;
    return @props unless @props == 1 && ref $props[0];
    esmith::backend::complain("$method() was accidentally passed a hash ref");
    return %{ $props[0] };
}

=head2 delete_prop($prop)

Deletes a property and returns its old value. The type cannot be deleted.

=head2 delete

Deletes the record; returns true, or false when it is gone already.

=cut

sub delete_prop {
    my ($self, $prop) = @_;
    esmith::backend::fail('The DB is open read-only') if $self->{db}->is_ro;
    esmith::backend::fail("You're not allowed to delete a type from an esmith::DB::db::Record") if $prop eq 'type';
    return unescaped(scalar $self->_write('delete_prop', $prop));
}

sub delete {
    my ($self) = @_;
    return $self->_write('delete') || undef;
}

1;
