#!/usr/bin/perl
# The stand-in for the original's "db FILE getprop KEY PROP" and "db FILE setprop KEY PROP VALUE".
#
# It does the work the contract describes (read the whole flat file, find the line; for a write: lock, read, write a
# new file, rename, log to syslog) with the core modules such a command needs, and nothing else. The original loads its
# own class library on top, so it cannot be faster than this.
use strict;
use warnings;
use Carp;
use Fcntl qw(:flock);
use File::Basename;
use Sys::Syslog;

my ($file, $verb, $key, $prop, $value) = @ARGV;

sub read_records {
    my %records;
    open(my $in, '<', $file) or croak "$file: $!";
    while (my $line = <$in>) {
        next if $line =~ /^\s*(#|$)/;
        chomp $line;
        my ($name, $rest) = split /=/, $line, 2;
        $records{$name} = $rest;
    }
    close $in;
    return \%records;
}

sub fields {
    my ($type, @fields) = split /(?<!\\)\|/, $_[0], -1;
    return ($type, @fields);
}

if ($verb eq 'getprop') {
    my ($type, %props) = fields(read_records()->{$key} // exit 1);
    print "$props{$prop}\n";
} else {
    open(my $lock, '>>', "$file.lock") or croak "$file.lock: $!";
    flock($lock, LOCK_EX) or croak "lock: $!";
    my $records = read_records();
    my ($type, %props) = fields($records->{$key});
    $props{$prop} = $value;
    $records->{$key} = join '|', $type, map { ($_, $props{$_}) } sort keys %props;
    open(my $out, '>', "$file.$$") or croak "$file.$$: $!";
    print $out "# DO NOT MODIFY THIS FILE.\n";
    print $out "$_=$records->{$_}\n" for sort keys %$records;
    close $out or croak "close: $!";
    rename "$file.$$", $file or croak "rename: $!";
    openlog(basename($0), 'pid', 'local1');
    syslog('info', '%s', "$file: NEW $key=$records->{$key}");
    unlink "$file.lock";
}
