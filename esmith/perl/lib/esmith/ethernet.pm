package esmith::ethernet;

use strict;
use warnings;

use esmith::absent;

=head1 NAME

esmith::ethernet - not provided; loading it says why

=cut

esmith::absent::module(__PACKAGE__, 'network adapters are set up by Debian');

1;
