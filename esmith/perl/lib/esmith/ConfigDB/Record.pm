package esmith::ConfigDB::Record;

use strict;
use warnings;

use esmith::DB::db::Record;

our @ISA = ('esmith::DB::db::Record');

=head1 NAME

esmith::ConfigDB::Record - a record of the database "configuration": see esmith::DB::db::Record

=cut

1;
