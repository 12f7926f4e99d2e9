# Expands one template as the original does, with Text::Template alone: the expected results of test_perl_language.py.
# Nothing of the engine is used here.
#
#   perl original.pl DIRECTORY RECORDS [EVENT]
#
# RECORDS is a file with a line for each record: key, type, property, value ... between NULs. Lines whose key begins with
# "+" are MORE_DATA, as Perl.

use strict;
use warnings;
use Text::Template ();

my ($directory, $records, $event) = @ARGV;
my (%hashes, %scalars, %lines, %more);

open my $in, '<', $records or die "$records: $!";
while (my $line = <$in>) {
    chomp $line;
    my ($key, $type, @props) = split /\0/, $line, -1;
    if ($key =~ s/^\+//) {
        $more{$key} = eval $type;
        die $@ if $@;
        next;
    }
    my %props = (type => $type, @props);
    s/\|/\\|/g for @props[ grep { $_ % 2 } 0 .. $#props ];
    $lines{$key} = join '|', $type, @props;
    $scalars{$key} = $lines{$key};
    $hashes{$key} = \%props if keys %props > 1;
}

# Little more than what the fragments ask of $DB.
package Stub::DB {
    sub new { return bless { %{ $_[1] } } }

    sub get {
        my ($self, $key) = @_;
        return $self->{$key} && bless { key => $key, %{ $self->{$key} } }, 'Stub::Record';
    }
    sub get_prop  { my ($self, $key, $prop) = @_; return $self->{$key} ? $self->{$key}{$prop} : undef }
    sub get_value { my ($self, $key) = @_; return $self->{$key} ? $self->{$key}{type} : undef }

    sub get_all_by_prop {
        my ($self, $prop, $value) = @_;
        return map { $self->get($_) } grep { ($self->{$_}{$prop} // '') eq $value } sort keys %$self;
    }
}
package Stub::Record {
    sub key  { return $_[0]{key} }
    sub prop { return $_[0]{ $_[1] } }
}
package main;

my %all = map { $_ => { type => $scalars{$_} =~ /^([^|]*)/, $hashes{$_} ? %{ $hashes{$_} } : () } } keys %scalars;
my $db = Stub::DB->new(\%all);
my $confref = \%lines;
$more{EVENT} = $event if defined $event;

chdir '/';
$0 = '/sbin/e-smith/expand-template';
binmode STDOUT;
my $failed = 0;
opendir my $handle, $directory or die "$directory: $!";
for my $name (sort grep { -f "$directory/$_" && $_ ne 'template.toml' } readdir $handle) {
    my $path = "$directory/$name";
    next unless -s $path;
    my $template = Text::Template->new(TYPE => 'FILE', SOURCE => $path) or die $Text::Template::ERROR;
    local $SIG{__WARN__} = sub { };
    $template->fill_in(
        HASH    => [ \%hashes, \%scalars, { DB => \$db, confref => \$confref }, \%more ],
        PACKAGE => 'esmith::__TEMPLATE__::1',
        OUTPUT  => \*STDOUT,
        BROKEN  => sub { my %a = @_; print STDERR "$path: $a{error}"; $failed++; return '' },
    ) or die "$path: $Text::Template::ERROR";
}
exit !!$failed;
