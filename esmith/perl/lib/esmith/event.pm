package esmith::event;

use strict;
use warnings;

use Exporter ();
use esmith::backend;

our @ISA    = ('Exporter');
our @EXPORT = ('event_signal');

=head1 NAME

esmith::event - signalling events

=head2 event_signal($event, @arguments)

Signals an event as C<signal-event> does and returns 1 when all of it went well, else 0. Dies where there is no such
event. An action may signal other events: they run inside its own.

=cut

sub event_signal {
    my ($event, @arguments) = @_;
    esmith::backend::fail('a template may not signal an event') if $esmith::backend::CALL;
    if ($event eq 'actions') {
        esmith::backend::complain("'actions' is not a valid event name.");
        return;
    }
    my $directory = esmith::backend::under("/etc/e-smith/events/$event");
    esmith::backend::fail("Can't open directory $directory") unless -d $directory;
    my $program = esmith::backend::under('/sbin/e-smith/signal-event');
    my $status = system {$program} $program, $event, @arguments;
    # The event may have changed the databases.
    $esmith::backend::CHANGES++;
    esmith::backend::fail("$program cannot be run: $!") if $status == -1;
    return $status == 0 ? 1 : 0;
}

1;
