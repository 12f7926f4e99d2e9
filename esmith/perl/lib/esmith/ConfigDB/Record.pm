package esmith::ConfigDB::Record;

use strict;
use warnings;

use esmith::backend;
use esmith::DB::db::Record;

our @ISA = ('esmith::DB::db::Record');

=head1 NAME

esmith::ConfigDB::Record - a record of the database "configuration": see esmith::DB::db::Record

=head2 value, set_value($value)

The value of a record without properties, which is its type. With a warning, where it has properties: C<prop> and
C<set_prop> are for these.

=cut

sub value {
    my ($self) = @_;
    my $count = $self->props;
    esmith::backend::complain('value() should not be used on records with properties, use prop()') if $count > 1;
    return $self->SUPER::value;
}

sub set_value {
    my ($self, $value) = @_;
    my $count = $self->props;
    if ($count > 1) {
        esmith::backend::complain('set_value() should not be used on records with properties, use set_prop()');
    }
    return $self->SUPER::set_value($value);
}

1;
