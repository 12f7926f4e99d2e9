package esmith::config::utf8;

use strict;
use warnings;

use esmith::config;

our @ISA = ('esmith::config');

=head1 NAME

esmith::config::utf8 - like esmith::config, but keys and lines are characters, not bytes

=head1 SYNOPSIS

    use esmith::config::utf8;
    tie my %accounts, 'esmith::config::utf8', '/home/e-smith/db/accounts';

=cut

sub _ask {
    my ($self, @arguments) = @_;
    return esmith::backend::decoded(sub { $self->SUPER::_ask(@_) }, @arguments);
}

1;
