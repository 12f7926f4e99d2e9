# Expands each file of a directory with Text::Template alone: the expected bytes of test_language.py.
#
#   perl text_template.pl DIRECTORY RECORDS
#
# RECORDS is as original.pl takes it. A line for each file: its name, "ok" or "broken", and what it gives, in hexadecimal.

use strict;
use warnings;
use Text::Template ();

my ($directory, $records) = @ARGV;
my (%hashes, %scalars);
open my $in, '<', $records or die "$records: $!";
while (my $line = <$in>) {
    chomp $line;
    my ($key, $type, @props) = split /\0/, $line, -1;
    $scalars{$key} = join '|', $type, @props;
    $hashes{$key} = { type => $type, @props } if @props;
}
opendir my $handle, $directory or die "$directory: $!";
for my $name (sort grep { -f "$directory/$_" } readdir $handle) {
    local $SIG{__WARN__} = sub { };
    my $broken = 0;
    my $template = Text::Template->new(TYPE => 'FILE', SOURCE => "$directory/$name");
    my $text = $template->fill_in(
        HASH    => [ \%hashes, \%scalars ],
        PACKAGE => "Fragment$name",
        BROKEN  => sub { $broken = 1; return undef },
    );
    print join(' ', $name, !$broken && defined $text ? 'ok' : 'broken', unpack 'H*', $text // ''), "\n";
}
