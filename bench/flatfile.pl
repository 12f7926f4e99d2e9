#!/usr/bin/perl
# The stand-in for the original's db, expand-template and signal-event.
#
#   perl flatfile.pl FILE get|gettype KEY, getprop KEY PROP, setprop KEY PROP VALUE..., show [KEY], print, keys
#   perl flatfile.pl FILE expand TEMPLATE OUTPUT     one template, a directory of fragments, to one file
#   perl flatfile.pl FILE event TEMPLATES OUTPUTS    all templates in a directory, in one process
#
# It does the work the contract describes (read the whole flat file, find the line; for a write: lock, read, write a
# new file, rename, log to syslog; for a template: each record is a variable, each fragment goes through Text::Template,
# the file is replaced when its digest differs) with the core modules such a command needs, and nothing else. The
# original loads its own class library on top, so it cannot be faster than this.
use strict;
use warnings;
use Carp;
use Fcntl qw(:flock);
use File::Basename;
use Sys::Syslog;

my ($file, $verb, @words) = @ARGV;

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

sub show {
    my ($key, $raw) = @_;
    my ($type, %props) = fields($raw);
    print "$key=$type\n", map { "    $_=$props{$_}\n" } sort keys %props;
}

sub set_properties {
    my ($key, %values) = @_;
    open(my $lock, '>>', "$file.lock") or croak "$file.lock: $!";
    flock($lock, LOCK_EX) or croak "lock: $!";
    my $records = read_records();
    my ($type, %props) = fields($records->{$key});
    %props = (%props, %values);
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

# Each record as a variable of a package: %key with the type and properties, $key with all of it.
sub variables {
    my $records = read_records();
    no strict 'refs';
    for my $key (keys %$records) {
        my ($type, %props) = fields($records->{$key});
        %{"Fragment::$key"} = (%props, type => $type);
        ${"Fragment::$key"} = $records->{$key};
    }
}

sub digest {
    open(my $in, '<', $_[0]) or return '';
    return Digest::MD5->new->addfile($in)->hexdigest;
}

sub expand {
    my ($template, $output) = @_;
    opendir(my $dir, $template) or croak "$template: $!";
    my @fragments = grep { -f "$template/$_" } sort readdir $dir;
    closedir $dir;
    open(my $out, '>', "$output.$$") or croak "$output.$$: $!";
    for my $name (@fragments) {
        my $text = Text::Template->new(TYPE => 'FILE', SOURCE => "$template/$name")
            or croak "$name: $Text::Template::ERROR";
        print $out $text->fill_in(PACKAGE => 'Fragment', BROKEN => sub { my %fault = @_; croak "$name: $fault{error}" });
    }
    close $out or croak "close: $!";
    chmod 0644, "$output.$$";
    if (digest("$output.$$") eq digest($output)) {
        unlink "$output.$$";
    } else {
        rename "$output.$$", $output or croak "rename: $!";
    }
}

if ($verb eq 'getprop') {
    my ($type, %props) = fields(read_records()->{$words[0]} // exit 1);
    print "$props{$words[1]}\n";
} elsif ($verb eq 'get') {
    print read_records()->{$words[0]} // exit 1, "\n";
} elsif ($verb eq 'gettype') {
    my ($type) = fields(read_records()->{$words[0]} // exit 1);
    print "$type\n";
} elsif ($verb eq 'show') {
    my $records = read_records();
    show($_, $records->{$_}) for @words ? @words : sort keys %$records;
} elsif ($verb eq 'print') {
    my $records = read_records();
    print "$_=$records->{$_}\n" for sort keys %$records;
} elsif ($verb eq 'keys') {
    print "$_\n" for sort keys %{read_records()};
} elsif ($verb eq 'setprop') {
    set_properties(@words);
} elsif ($verb eq 'expand' or $verb eq 'event') {
    require Text::Template;
    require Digest::MD5;
    variables();
    my ($from, $to) = @words;
    opendir(my $dir, $from) or croak "$from: $!";
    my @templates = $verb eq 'event' ? grep { !/^\./ } sort readdir $dir : ();
    expand($from, $to) if $verb eq 'expand';
    expand("$from/$_", "$to/$_") for @templates;
    if ($verb eq 'event') {
        openlog(basename($0), 'pid', 'local1');
        syslog('info', '%s', "expanded $_") for @templates;
    }
} else {
    croak "no command $verb";
}
