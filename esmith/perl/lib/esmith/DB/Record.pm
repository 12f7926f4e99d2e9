package esmith::DB::Record;

use strict;
use warnings;

=head1 NAME

esmith::DB::Record - what all records can do

=head2 value, set_value($value)

The value of a record without properties, which is its type.

=cut

sub value {
    my ($self) = @_;
    return $self->prop('type');
}

sub set_value {
    my ($self, $value) = @_;
    return $self->set_prop('type', $value);
}

=head2 show

The key and all properties, for people to read.

=cut

sub show {
    my ($self) = @_;
    my %props = $self->props;
    my $width = 0;
    foreach my $name (keys %props) {
        $width = length $name if length $name > $width;
    }
    # A longer name stands out, as in the original.
    $width = 40 if $width > 40;
    my $text = $self->key . "\n";
    foreach my $name (sort keys %props) {
        $text .= sprintf "  %${width}s = %s\n", $name, defined $props{$name} ? $props{$name} : '';
    }
    return $text;
}

1;
