package esmith::db;

use strict;
use warnings;

use Exporter ();
use esmith::backend;
use esmith::config;

our @ISA    = ('Exporter');
our @EXPORT = qw(
    db_set db_get db_delete
    db_set_type db_get_type
    db_get_prop db_set_prop db_delete_prop
    db_print db_show db_print_type db_print_prop
);

=head1 NAME

esmith::db - functions on a database that is tied to a hash

=head1 SYNOPSIS

    use esmith::config;
    use esmith::db;
    tie my %config, 'esmith::config';
    db_set_prop(\%config, 'qpsmtpd', 'DNSBL', 'enabled');

=head1 DESCRIPTION

The oldest interface. Each function takes a reference to a hash that is tied to esmith::config; a plain hash of lines
works as well. Values have C<\|> for a C<|>, as in the lines; use esmith::ConfigDB in new scripts.

=head2 db_get(\%config), db_get(\%config, $key)

All keys, sorted; a record as type and properties, in scalar context as its line. undef when there is none.

=head2 db_set(\%config, $key, $line), db_set(\%config, $key, $type, \%props)

Makes or replaces a record; true on success.

=cut

sub db_get {
    my ($hash, $key) = @_;
    return sort keys %$hash unless defined $key;
    return undef unless exists $hash->{$key};
    my $line = $hash->{$key};
    return wantarray ? _split($line) : $line;
}

sub db_set {
    my ($hash, $key, $value, $props) = @_;
    return undef if $key =~ /\n/;
    if ($props && %$props) {
        $value = esmith::config::line($value, map { ($_, $props->{$_}) } sort keys %$props);
    }
    $hash->{$key} = $value;
    return 1;
}

sub _split {
    my ($line) = @_;
    return ('', ()) unless defined $line;
    my ($type, @props) = split /(?<!\\)\|/, $line, -1;
    return (defined $type ? $type : '', @props);
}

# The tied object of a hash, through which a record is changed in one step.
sub _tied {
    my ($hash) = @_;
    my $object = tied %$hash;
    return $object && $object->isa('esmith::config') ? $object : undef;
}

sub _unescaped {
    my ($value) = @_;
    $value = '' unless defined $value;
    $value =~ s/\\\|/|/g;
    return $value;
}

=head2 db_delete(\%config, $key), db_delete_prop(\%config, $key, $prop)

Delete a record or a property; undef when there is no such record.

=cut

sub db_delete {
    my ($hash, $key) = @_;
    return undef unless exists $hash->{$key};
    delete $hash->{$key};
    return 1;
}

sub db_delete_prop {
    my ($hash, $key, $prop) = @_;
    return undef unless exists $hash->{$key};
    if (my $object = _tied($hash)) {
        $object->_ask('delete_prop', $key, $prop);
        return 1;
    }
    my ($type, %props) = _split($hash->{$key});
    delete $props{$prop};
    return db_set($hash, $key, $type, \%props);
}

=head2 db_get_type, db_set_type, db_get_prop, db_set_prop

Read and set the type (C<\%config, $key, $type>) or a property (C<\%config, $key, $prop, $value>). Without C<$prop>
db_get_prop returns all properties. undef when there is no such record or property.

=cut

sub db_get_type {
    my ($hash, $key) = @_;
    return undef unless exists $hash->{$key};
    return (_split($hash->{$key}))[0];
}

sub db_set_type {
    my ($hash, $key, $type) = @_;
    return undef unless exists $hash->{$key};
    if (my $object = _tied($hash)) {
        return $object->_ask('set_type', $key, $type) || undef;
    }
    my (undef, %props) = _split($hash->{$key});
    return db_set($hash, $key, $type, \%props);
}

sub db_get_prop {
    my ($hash, $key, $prop) = @_;
    return defined $prop ? undef : () unless exists $hash->{$key};
    my (undef, %props) = _split($hash->{$key});
    return defined $prop ? $props{$prop} : %props;
}

sub db_set_prop {
    my ($hash, $key, $prop, $value) = @_;
    return undef unless exists $hash->{$key};
    if (my $object = _tied($hash)) {
        return $object->_ask('set_props', $key, $prop, _unescaped($value)) || undef;
    }
    my ($type, %props) = _split($hash->{$key});
    return db_set($hash, $key, $type, { %props, $prop => $value });
}

=head2 db_print, db_show, db_print_type, db_print_prop

Print records, types or properties as the commands C<db ... print>, C<show>, C<printtype> and C<printprop> do; undef
when there is nothing to print.

=cut

sub _chosen {
    my ($hash, $key) = @_;
    return sort keys %$hash unless defined $key;
    return exists $hash->{$key} ? $key : ();
}

sub db_print {
    my ($hash, $key) = @_;
    my @keys = _chosen($hash, $key) or return undef;
    print "$_=$hash->{$_}\n" for @keys;
    return 1;
}

sub db_show {
    my ($hash, $key) = @_;
    my @keys = _chosen($hash, $key) or return undef;
    foreach my $name (@keys) {
        my ($type, %props) = _split($hash->{$name});
        print "$name=$type\n";
        next unless length $type;
        print "    $_=$props{$_}\n" for sort keys %props;
    }
    return 1;
}

sub db_print_type {
    my ($hash, $key) = @_;
    my @keys = _chosen($hash, $key) or return undef;
    print "$_=", db_get_type($hash, $_), "\n" for @keys;
    return 1;
}

sub db_print_prop {
    my ($hash, $key, $prop) = @_;
    my %props = db_get_prop($hash, $key) or return undef;
    my @names = defined $prop ? grep { exists $props{$_} } $prop : sort keys %props;
    return undef unless @names;
    print "$_=$props{$_}\n" for @names;
    return 1;
}

=head2 esmith::db-E<gt>open($name)

The same as methods without C<db_> and without the hash: C<$db-E<gt>get_prop('qpsmtpd', 'status')>.

=cut

sub new {
    my ($class, $file) = @_;
    return $class->open($file);
}

sub open {
    my ($class, $file) = @_;
    tie my %hash, 'esmith::config', $file;
    return bless { CACHE => \%hash }, ref $class || $class;
}

sub close {
    return;
}

foreach my $name (map { /\Adb_(\w+)\z/ ? $1 : () } @EXPORT) {
    no strict 'refs';
    my $function = \&{"db_$name"};
    *$name = sub {
        my ($self, @arguments) = @_;
        return $function->($self->{CACHE}, @arguments);
    };
}

1;
