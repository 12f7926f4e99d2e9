package esmith::tcpsvd;

use strict;
use warnings;

use esmith::backend;
use esmith::ConfigDB;
use esmith::NetworksDB;
use esmith::util;

=head1 NAME

esmith::tcpsvd - the directory C<peers> of a service that tcpsvd starts (ipsvd-instruct(5))

=head2 configure_peers($service, $directory)

Makes a link to C<local> for each local network, unless the service's C<access> is C<localhost>, and for 127.0.0.1;
and one to C<0> for the gateway (GatewayIP), which is not local. Other links are removed. The directory is
F</var/service/SERVICE/peers>, or the one that is given.

=cut

sub configure_peers {
    my ($service, $directory) = @_;
    esmith::backend::fail('a template may not configure peers') if $esmith::backend::CALL;
    $directory = esmith::backend::under("/var/service/$service/peers") unless defined $directory && length $directory;
    opendir my $handle, $directory or return esmith::backend::complain("Cannot read peers directory: $!");
    my @links = grep { -l "$directory/$_" } readdir $handle;
    closedir $handle;
    my $config = esmith::ConfigDB->open_ro   or return esmith::backend::complain('Could not open config db.');
    my $networks = esmith::NetworksDB->open_ro or return esmith::backend::complain('Could not open networks db.');
    my $record = $config->get($service) or return esmith::backend::complain("No service record for $service");
    my %wanted = ('127.0.0.1' => 'local');
    if (($record->prop('access') || 'localhost') ne 'localhost') {
        foreach my $network ($networks->networks) {
            my @prefixes = esmith::util::computeAllLocalNetworkPrefixes($network->key, $network->prop('Mask'));
            $wanted{$_} = 'local' for @prefixes;
        }
    }
    my $gateway = $config->get_value('GatewayIP');
    $wanted{$gateway} = '0' if defined $gateway && length $gateway;
    foreach my $link (grep { readlink("$directory/$_") ne ($wanted{$_} // '') } @links) {
        unlink "$directory/$link" or esmith::backend::complain("Could not delete $directory/$link: $!");
    }
    foreach my $name (grep { !-l "$directory/$_" } sort keys %wanted) {
        symlink $wanted{$name}, "$directory/$name" or esmith::backend::complain("Cannot add $directory/$name: $!");
    }
    return;
}

1;
