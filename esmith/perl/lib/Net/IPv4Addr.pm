package Net::IPv4Addr;

use strict;
use warnings;

=head1 NAME

Net::IPv4Addr - functions for IPv4 addresses, where the module of that name is not installed

=head1 DESCRIPTION

Debian has no package of it, and contribs use it. When perl finds another one, that is loaded. Else this is
esmith::ipv4, with its functions and its tag C<:all>.

=cut

# The file that perl would have loaded without this one. Copies of this one have esmith::ipv4 beside them.
sub _installed {
    my ($directory) = grep { !ref && -f "$_/Net/IPv4Addr.pm" && !-f "$_/esmith/ipv4.pm" } @INC;
    return defined $directory ? "$directory/Net/IPv4Addr.pm" : undef;
}

my $other = _installed();
if (defined $other) {
    my $done = do $other;
    die $@ if $@;
    die "$other cannot be loaded: $!\n" unless $done;
}
else {
    require Exporter;
    require esmith::ipv4;
    no strict 'refs';
    *{"Net::IPv4Addr::$_"} = \&{"esmith::ipv4::$_"} for @esmith::ipv4::EXPORT_OK;
    our @ISA         = ('Exporter');
    our @EXPORT_OK   = @esmith::ipv4::EXPORT_OK;
    our %EXPORT_TAGS = (all => [@EXPORT_OK]);
}

1;
