package esmith::cgi;

use strict;
use warnings;

use esmith::absent;

=head1 NAME

esmith::cgi - not provided; loading it says why

=cut

esmith::absent::module(__PACKAGE__, 'it draws pages of the original server-manager, which do not run here');

1;
