package Net::IPv4Addr;

use strict;
use warnings;

=head1 NAME

Net::IPv4Addr - functions for IPv4 addresses, where the module of that name is not installed

=head1 DESCRIPTION

Debian has no package of it, and contribs use it. When perl finds another one, that is loaded. Else this is
esmith::ipv4, with its functions and its tag C<:all>.

=cut

# The file that perl would have loaded without this one.
sub _installed {
    my $mine = join ' ', (stat __FILE__)[0, 1];
    foreach my $directory (grep { !ref } @INC) {
        my $file = "$directory/Net/IPv4Addr.pm";
        return $file if -f $file && join(' ', (stat _)[0, 1]) ne $mine;
    }
    return undef;
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
