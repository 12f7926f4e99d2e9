package esmith::util::link;

use strict;
use warnings;

use Exporter ();
use esmith::backend;
use esmith::ConfigDB;

our @ISA       = ('Exporter');
our @EXPORT_OK = ('getExternalLink');

=head1 NAME

esmith::util::link - whether the connection to the internet is up

=head2 getExternalLink($seconds)

1 when the connection is up: always for C<AccessType dedicated>; for C<dialup>, when there is a F</run/ppp0.pid>, or
comes within that time (by default 300 seconds). Else 0. It does not bring the connection up: the original asks
diald for that, which Debian does not have.

=cut

sub getExternalLink {
    my ($seconds) = @_;
    my $db = esmith::ConfigDB->open_ro or return 0;
    my $access = $db->get_value('AccessType');
    $access = '' unless defined $access;
    return 1 if $access eq 'dedicated';
    return 0 unless $access eq 'dialup';
    my $end = time + ($seconds || 300);
    until (-f esmith::backend::under('/run/ppp0.pid')) {
        return 0 if time >= $end;
        sleep 1;
    }
    return 1;
}

1;
