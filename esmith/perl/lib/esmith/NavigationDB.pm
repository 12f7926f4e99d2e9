package esmith::NavigationDB;

use strict;
use warnings;

use esmith::ConfigDB::UTF8;

our @ISA = ('esmith::ConfigDB::UTF8');

=head1 NAME

esmith::NavigationDB - the databases of the original's server-manager, for contribs that fill them

=head1 DESCRIPTION

Like esmith::ConfigDB::UTF8: C<open>, C<open_ro> and C<create> of a path or a name, such as C<navigation-conf>.

=cut

1;
