package esmith::config;

use strict;
use warnings;

use esmith::backend;

=head1 NAME

esmith::config - a database as a hash

=head1 SYNOPSIS

    use esmith::config;
    tie my %config, 'esmith::config';
    print $config{DomainName};
    $config{SystemName} = 'mail';

=head1 DESCRIPTION

The older interface. Each value is a whole record in one line, C<type|property|value|...>, with C<\|> for a C<|> in a
value. Without a name the database that ESMITH_CONFIG_DB names is tied, else C<configuration>; a path is one of a flat
file (esmith::DB::db), and so is the name of a file in the current directory. One that does not exist is made when it
is first written. What is written is on the disk when the assignment is done.

C<tied(%config)-E<gt>filename>, and FILENAME in the tied object, is the name or path it was tied to.

=cut

sub TIEHASH {
    my ($class, $file) = @_;
    $file = $ENV{ESMITH_CONFIG_DB} || '/home/e-smith/db/configuration' unless defined $file && length $file;
    # What the oldest scripts say; the databases moved long ago.
    $file =~ s{\A/home/e-smith/(\w+)\z}{/home/e-smith/db/$1};
    my $path = esmith::backend::path_of($file =~ m{/} || !-f $file ? $file : "./$file");
    return bless { FILENAME => $file, path => $path }, $class;
}

sub filename {
    my ($self) = @_;
    return $self->{FILENAME};
}

sub _ask {
    my ($self, $operation, @arguments) = @_;
    return esmith::backend::call($operation, $self->{path}, @arguments);
}

sub _trimmed {
    my ($text) = @_;
    $text =~ s/\A\s+|\s+\z//g;
    return $text;
}

=head2 line($type, @props), fields($line)

Functions: the line of a record, and the fields of a line.

=cut

sub line {
    my ($type, @props) = @_;
    for my $place (0 .. $#props) {
        next unless $place % 2;
        $props[$place] = '' unless defined $props[$place];
        $props[$place] =~ s/\|/\\|/g;
    }
    return join '|', $type, @props;
}

sub fields {
    my ($line) = @_;
    my ($type, @props) = split /(?<!\\)\|/, $line, -1;
    push @props, '' if @props % 2;
    for my $place (0 .. $#props) {
        $props[$place] =~ s/\\\|/|/g if $place % 2;
    }
    return (defined $type ? $type : '', @props);
}

sub FETCH {
    my ($self, $key) = @_;
    my ($type, @props) = $self->_ask('record', _trimmed($key));
    return defined $type ? line($type, @props) : undef;
}

sub STORE {
    my ($self, $key, $value) = @_;
    esmith::backend::fail('key not defined') unless defined $key;
    esmith::backend::fail("value not defined for key $key") unless defined $value;
    $value = _trimmed($value);
    if ($value =~ /\A\|/) {
        esmith::backend::complain("ERROR: You should not set a config record without a type (key was $key).");
    }
    $self->_ask('set', _trimmed($key), fields($value));
    return;
}

sub DELETE {
    my ($self, $key) = @_;
    my $old = $self->FETCH($key);
    $self->_ask('delete', _trimmed($key));
    return $old;
}

sub CLEAR {
    my ($self) = @_;
    $self->_ask('delete', $_) for $self->_ask('keys');
    return;
}

sub EXISTS {
    my ($self, $key) = @_;
    return defined $self->_ask('prop', _trimmed($key), '');
}

# The keys of one moment, so that the loop may change the database.
sub FIRSTKEY {
    my ($self) = @_;
    $self->{KEYS} = [ $self->_ask('keys') ];
    return shift @{ $self->{KEYS} };
}

sub NEXTKEY {
    my ($self) = @_;
    return shift @{ $self->{KEYS} };
}

sub SCALAR {
    my ($self) = @_;
    my @keys = $self->_ask('keys');
    return scalar @keys;
}

1;
