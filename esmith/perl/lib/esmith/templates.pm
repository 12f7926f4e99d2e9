package esmith::templates;

use strict;
use warnings;

use Exporter ();
use esmith::backend;

our @ISA       = ('Exporter');
our @EXPORT    = ('processTemplate');
our @EXPORT_OK = ('removeBlankLines');

=head1 NAME

esmith::templates - expanding templates

=head1 SYNOPSIS

    use esmith::templates;
    processTemplate({ TEMPLATE_PATH => '/etc/hosts' });
    my $text = processTemplate({ TEMPLATE_PATH => '/etc/hosts', OUTPUT_TYPE => 'string', MORE_DATA => { port => 80 } });

=head2 processTemplate(\%options)

=over

=item TEMPLATE_PATH

The absolute path of the file to generate, which names the template.

=item OUTPUT_TYPE

C<file> (the default), or C<string>: the text is returned.

=item OUTPUT_FILENAME, OUTPUT_PREFIX

Another file, and a directory before it.

=item MORE_DATA

A reference to a hash of further variables. In an action the values are texts.

=item CONFREF

A reference to a hash of variables; use MORE_DATA.

=item TEMPLATE_EXPAND_QUEUE

A reference to a list of the directories fragments are found in, the nearest first.

=item FILTER

A reference to a sub that is given each line, with its newline, and returns what becomes of it. Empty lines of a file
are left out, and so are those at the end of a text.

=item UID, GID, PERMS

The owner, by name or number, and the mode of the file; default: what the template's metadata says.

=item DELETE

When true, the file is removed.

=back

Returns the text, or 1. An expansion that fails is a C<die> with the reason; the file is then as it was. The file that a
fragment makes is checked and installed together with that of the fragment's own template, or not at all. A fragment
cannot say C<DELETE>.

=head2 removeBlankLines($text)

For FILTER: C<''> for a line of blanks, else the line.

=cut

my %KNOWN = map { $_ => 1 } qw(
    TEMPLATE_PATH OUTPUT_TYPE OUTPUT_FILENAME OUTPUT_PREFIX MORE_DATA CONFREF TEMPLATE_EXPAND_QUEUE FILTER
    UID GID PERMS DELETE ALL_RECORDS_AS_SCALARS
);

sub removeBlankLines {
    my ($line) = @_;
    return $line =~ /\A\s*\z/ ? '' : $line;
}

sub processTemplate {
    my ($first, $path, $source) = @_;
    # The oldest form: the hash of variables, the path, a directory.
    my %options = defined $path ? (CONFREF => $first, TEMPLATE_PATH => $path) : %$first;
    $options{TEMPLATE_EXPAND_QUEUE} = [$source] if defined $path && defined $source;
    _check(\%options);
    my $string = ($options{OUTPUT_TYPE} || 'file') eq 'string';
    return _filtered(_text(\%options), $options{FILTER}, 0) if $string;
    my $output = _output(\%options);
    my @queue = @{ $options{TEMPLATE_EXPAND_QUEUE} || [] };
    if ($esmith::backend::CALL) {
        # In a fragment: a file of the same plan.
        esmith::backend::fail('a template may not remove a file') if $options{DELETE};
        my $text = _filtered(_text(\%options), $options{FILTER}, 1);
        esmith::backend::call('output', $options{TEMPLATE_PATH}, $output, _attributes(\%options), $text, @queue);
        return 1;
    }
    if ($options{DELETE}) {
        esmith::backend::call('remove', $options{TEMPLATE_PATH}, $output, @queue);
        return 1;
    }
    if (grep { defined $options{$_} } qw(MORE_DATA CONFREF FILTER UID GID PERMS)) {
        my $text = _filtered(_text(\%options), $options{FILTER}, 1);
        esmith::backend::call('install', $options{TEMPLATE_PATH}, $output, _attributes(\%options), $text, @queue);
        return 1;
    }
    esmith::backend::call('expand', $options{TEMPLATE_PATH}, $output, @queue);
    return 1;
}

sub _check {
    my ($options) = @_;
    my $path = $options->{TEMPLATE_PATH};
    esmith::backend::fail('TEMPLATE_PATH parameter missing in processTemplate') unless defined $path && length $path;
    if ($options->{CONFREF} && $options->{MORE_DATA}) {
        esmith::backend::fail("Can't use CONFREF with MORE_DATA in processTemplate");
    }
    my $type = $options->{OUTPUT_TYPE} || 'file';
    unless ($type eq 'file' || $type eq 'string') {
        esmith::backend::fail("Invalid OUTPUT_TYPE '$type' passed to processTemplate");
    }
    foreach my $name (grep { !$KNOWN{$_} } sort keys %$options) {
        esmith::backend::complain("Unknown parameter '$name' passed to processTemplate");
    }
    return;
}

sub _output {
    my ($options) = @_;
    my $name = $options->{OUTPUT_FILENAME} || $options->{TEMPLATE_PATH};
    return $name unless defined $options->{OUTPUT_PREFIX} && length $options->{OUTPUT_PREFIX};
    return "$options->{OUTPUT_PREFIX}/$name";
}

# Owner, group and mode; '' for what is not given.
sub _attributes {
    my ($options) = @_;
    my @owner = map { defined $_ ? $_ : '' } @{$options}{qw(UID GID)};
    return (@owner, defined $options->{PERMS} ? sprintf('%04o', $options->{PERMS}) : '');
}

sub _text {
    my ($options) = @_;
    my %data = %{ $options->{MORE_DATA} || {} };
    if (my $confref = $options->{CONFREF}) {
        # A tied hash is the configuration database, whose records are variables anyway.
        %data = %$confref unless tied %$confref;
    }
    my @queue = @{ $options->{TEMPLATE_EXPAND_QUEUE} || [] };
    return esmith::backend::call('template', $options->{TEMPLATE_PATH}, %data) unless @queue;
    return esmith::backend::call('template_in', scalar @queue, @queue, $options->{TEMPLATE_PATH}, %data);
}

# Empty lines do not reach the filter of a file, and none at the end of a text does.
sub _filtered {
    my ($text, $filter, $file) = @_;
    return $text unless $filter;
    $text =~ s/\n+\z//;
    my $filtered = '';
    foreach my $line ($text =~ /[^\n]*\n|[^\n]+\z/g) {
        next if $file && $line eq "\n";
        my $result = $filter->($line =~ /\n\z/ ? $line : "$line\n");
        $filtered .= $result if defined $result;
    }
    return $filtered;
}

1;
