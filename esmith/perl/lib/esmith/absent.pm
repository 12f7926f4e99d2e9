package esmith::absent;

use strict;
use warnings;

use esmith::backend;

=head1 NAME

esmith::absent - what the original has and this version has not

=head1 DESCRIPTION

Whoever calls it learns why it is not there, and where in his script. The list with the reasons is in docs/perl.md.

=head2 functions($package, NAME => $reason, ...)

Defines functions that die with the reason, which is then in C<%REASON>, by the whole name.

=head2 module($package, $reason)

Dies with the reason: for a module of which nothing is there.

=cut

our %REASON;

sub functions {
    my ($package, %reason) = @_;
    foreach my $name (keys %reason) {
        no strict 'refs';
        $REASON{"${package}::$name"} = $reason{$name};
        *{"${package}::$name"} = sub { esmith::backend::fail("${package}::$name is not provided: $reason{$name}") };
    }
    return;
}

sub module {
    my ($package, $reason) = @_;
    die "the module $package is not provided: $reason\n";
}

1;
