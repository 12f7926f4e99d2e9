package esmith::console;

use strict;
use warnings;

use esmith::absent;

=head1 NAME

esmith::console - not provided; loading it says why

=cut

esmith::absent::module(__PACKAGE__, 'it draws the menus of the console, which this version does not have');

1;
