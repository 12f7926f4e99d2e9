#!/usr/bin/perl
# The original's own modules, with the words of flatfile.pl: perl -IMODULES original.pl FILE COMMAND...
#
# What the scripts db and expand-template do with esmith::DB::db and esmith::templates, for where only the modules are
# given, and for templates outside of /etc/e-smith/templates. docs/perl.md has what the functions take.
use strict;
use warnings;
use esmith::DB::db;

my ($file, $verb, @words) = @ARGV;

sub record {
    my $db = esmith::DB::db->open_ro($file) or die esmith::DB->error;
    return $db->get($words[0]) || exit 1;
}

sub text {
    my %props = $_[0]->props;
    my $type = delete $props{type};
    return ($type, \%props);
}

sub expand {
    my ($from, $to) = @_;
    my ($prefix, $name) = $to =~ m{^(.*)/([^/]+)$};
    esmith::templates::processTemplate({
        TEMPLATE_PATH => "/$name",
        TEMPLATE_EXPAND_QUEUE => [$from =~ m{^(.*)/[^/]+$}],
        OUTPUT_PREFIX => $prefix,
    });
}

if ($verb eq 'getprop') {
    print record()->prop($words[1]), "\n";
} elsif ($verb eq 'get') {
    my ($type, $props) = text(record());
    print join('|', $type, map { ($_, $props->{$_}) } sort keys %$props), "\n";
} elsif ($verb eq 'gettype') {
    print record()->prop('type'), "\n";
} elsif ($verb eq 'show' and @words) {
    my ($type, $props) = text(record());
    print "$words[0]=$type\n", map { "    $_=$props->{$_}\n" } sort keys %$props;
} elsif ($verb eq 'show' or $verb eq 'print') {
    my $db = esmith::DB::db->open_ro($file) or die esmith::DB->error;
    for my $record ($db->get_all) {
        my ($type, $props) = text($record);
        my @props = map { ($_, $props->{$_}) } sort keys %$props;
        print $record->key, '=', join('|', $type, @props), "\n" if $verb eq 'print';
        print $record->key, "=$type\n", map { "    $_=$props->{$_}\n" } sort keys %$props if $verb eq 'show';
    }
} elsif ($verb eq 'keys') {
    my $db = esmith::DB::db->open_ro($file) or die esmith::DB->error;
    print "$_\n" for sort map { $_->key } $db->get_all;
} elsif ($verb eq 'setprop') {
    my $db = esmith::DB::db->open($file) or die esmith::DB->error;
    my ($key, %values) = @words;
    $db->get($key)->merge_props(%values);
} elsif ($verb eq 'expand' or $verb eq 'event') {
    # The configuration of the measurement, not that of a machine.
    $ENV{ESMITH_CONFIG_DB} = $file;
    require esmith::templates;
    my ($from, $to) = @words;
    opendir(my $dir, $from) or die "$from: $!";
    my @templates = $verb eq 'event' ? grep { !/^\./ } sort readdir $dir : ();
    expand($from, $to) if $verb eq 'expand';
    expand("$from/$_", "$to/$_") for @templates;
} else {
    die "no command $verb\n";
}
