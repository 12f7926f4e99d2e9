# Reads a flat file as the original does (docs/original.md#text-files) and prints what it found:
# of each record the key, the type, and each property with its value, all followed by a NUL; \x01 ends the record.
use strict;
use warnings;

my %records;
while (my $line = <STDIN>) {
    chomp $line;
    next if $line =~ /^\s*$/ or $line =~ /^\s*#/;
    my ($key, $value) = split /=/, $line, 2;
    $value = '' unless defined $value;
    $value =~ s/\\n/\n/g;
    $records{$key} = $value;
}
for my $key (sort keys %records) {
    my ($type, @fields) = split /(?<!\\)\|/, $records{$key}, -1;
    push @fields, '' if @fields % 2;
    my %props = @fields;
    s/\\\|/|/g for values %props;
    print map { "$_\0" } $key, (defined $type ? $type : ''), map { ($_, $props{$_}) } sort keys %props;
    print "\x01";
}
