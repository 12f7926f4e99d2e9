package esmith::cgi;

use strict;
use warnings;

use esmith::absent;

=head1 NAME

esmith::cgi - not provided; loading it says why

=cut

esmith::absent::module(__PACKAGE__, 'it draws pages of the server-manager, which this version does not have');

1;
