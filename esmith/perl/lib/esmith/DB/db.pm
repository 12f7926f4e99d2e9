package esmith::DB::db;

use strict;
use warnings;

use esmith::backend;
use esmith::DB;
use esmith::DB::db::Record;

our @ISA = ('esmith::DB');

=head1 NAME

esmith::DB::db - one database

=head1 SYNOPSIS

    use esmith::DB::db;
    my $db = esmith::DB::db->open('mycontrib') || esmith::DB::db->create('mycontrib') or die esmith::DB->error;
    my $record = $db->new_record('box', { type => 'thing', colour => 'red' });

=head1 DESCRIPTION

A database is named as C<configuration>, or by its path in the original, C</home/e-smith/db/configuration>. Another
path is that of a flat file, a small database of the script's own; a relative one begins at the current directory. Its
values may have several lines. It is locked and replaced as a whole by each write, on the disk when the call returns,
and the command C<db /path/file> may work on it at the same time. In a fragment databases can be read only; one that a
fragment creates is empty and nowhere stored.

Records are read when they are asked for, so C<get> and C<get_prop> see what others changed a moment ago. What
C<get_all> returned is a copy of that moment, until this script writes or calls C<reload>.

=head2 open($name), open_ro($name), create($name)

Return the database, or nothing, with the reason in C<esmith::DB-E<gt>error>. C<open> wants an existing database
(C<File doesn't exist>), C<create> makes a new one (C<File exists>). What C<open_ro> returned dies when it is written.

=cut

sub create {
    my ($class, $file) = @_;
    my $self = $class->_init($file);
    return $self->set_error('File exists') if $esmith::backend::CREATED{ $self->{path} };
    my ($done, $there) = esmith::backend::attempt('exists', $self->{path});
    return $self->set_error($there) unless $done;
    return $self->set_error('File exists') if $there;
    ($done, my $answer) = esmith::backend::attempt('create', $self->{path});
    return $self->set_error($answer) unless $done;
    $esmith::backend::CREATED{ $self->{path} } = 1 unless $answer;
    return $self;
}

sub open {
    my ($class, $file) = @_;
    return $class->_init($file)->_open;
}

sub open_ro {
    my ($class, $file) = @_;
    my $self = $class->_init($file);
    $self->{ro} = 1;
    return $self->_open;
}

sub open_local    { return shift->open(@_) }
sub open_ro_local { return shift->open_ro(@_) }

sub _init {
    my ($class, $file) = @_;
    $file = $class->_default unless defined $file && length $file;
    esmith::backend::fail("$class needs the name of a database") unless defined $file;
    my $path = esmith::backend::path_of($file);
    return bless { file => $file =~ m{/} ? $file : $path, path => $path, ro => 0 }, ref $class || $class;
}

# The database of a class that is opened without a name.
sub _default {
    return undef;
}

sub _open {
    my ($self) = @_;
    return $self if $esmith::backend::CREATED{ $self->{path} };
    my ($done, $there) = esmith::backend::attempt('exists', $self->{path});
    return $self->set_error($there) unless $done;
    return $there ? $self : $self->set_error("File doesn't exist");
}

=head2 file, is_ro, reload, close

The path, as C<open> was given it; whether it is read-only; C<reload> forgets what was copied; C<close> does nothing.

=cut

sub file  { return $_[0]{file} }
sub is_ro { return $_[0]{ro} ? 1 : 0 }
sub close { return }

sub reload {
    $esmith::backend::CHANGES++;
    return 1;
}

=head2 tie_class

C<esmith::config>, or what a subclass says: with C<esmith::config::utf8>, texts are characters and not bytes.

=cut

sub tie_class {
    return 'esmith::config';
}

=head2 get($key)

The record, nothing when there is none.

=head2 get_all, keys

All records; all keys.

=head2 new_record($key, \%props)

Makes a record of the type C<$props{type}> and returns it; returns nothing when there is one already.

=cut

sub get {
    my ($self, $key) = @_;
    return unless defined $key && defined $self->_ask('prop', $key, '');
    return $self->_record($key);
}

sub get_all {
    my ($self) = @_;
    my @fields = $self->_ask('all');
    my @records;
    my $place = 0;
    while ($place < @fields) {
        my ($key, $count) = @fields[$place, $place + 1];
        my ($type, @props) = @fields[$place + 2 .. $place + 1 + $count];
        push @records, $self->_record($key, $type, {@props});
        $place += 2 + $count;
    }
    return @records;
}

sub keys {
    my ($self) = @_;
    return $self->_ask('keys');
}

sub new_record {
    my ($self, $key, $props) = @_;
    esmith::backend::fail('This DB is opened read-only') if $self->is_ro;
    my %props = %{ $props || {} };
    my $type = delete $props{type};
    return unless $self->_ask('add', $key, _defined($type, %props));
    return $self->_record($key);
}

sub get_prop {
    my ($self, $key, $prop) = @_;
    return undef unless defined $key && defined $prop;
    return esmith::DB::db::Record::unescaped(scalar $self->_ask('prop', $key, $prop eq 'type' ? '' : $prop));
}

sub get_value {
    my ($self, $key) = @_;
    return $self->get_prop($key, 'type');
}

=head2 set_prop($key, $prop, $value, type => $type)

Sets a property and returns 1. A record that does not exist is made when C<type> is given; else 0 is returned.

=head2 set_value($key, $value, create => 0)

Sets the type (the value) and returns 1. A record that does not exist is made, unless C<create> is 0; then 0 is
returned.

=cut

sub set_prop {
    my ($self, $key, $prop, $value, %options) = @_;
    esmith::backend::fail('The DB is open read-only') if $self->is_ro;
    my @pair = _defined($prop eq 'type' ? '' : $prop, $value);
    return 1 if $self->_ask('set_props', $key, @pair);
    return 0 unless $options{type};
    # Somebody else may make the record between the two.
    return $self->_ask('add', $key, $options{type}, $prop eq 'type' ? () : @pair)
        || $self->_ask('set_props', $key, @pair) ? 1 : 0;
}

sub set_value {
    my ($self, $key, $value, %options) = @_;
    esmith::backend::fail('The DB is open read-only') if $self->is_ro;
    return 1 if $self->_ask('set_type', $key, _defined($value));
    return 0 if exists $options{create} && !$options{create};
    return $self->_ask('add', $key, _defined($value)) || $self->_ask('set_type', $key, _defined($value)) ? 1 : 0;
}

# ---------------------------------------------------------------- for this class, its subclasses and its records

# What is undefined is stored as an empty text, as in the original.
sub _defined {
    return map { defined $_ ? $_ : '' } @_;
}

sub _ask {
    my ($self, $operation, @arguments) = @_;
    my @call = ($operation, $self->{path}, @arguments);
    return esmith::backend::decoded(\&esmith::backend::call, @call) if $self->tie_class->isa('esmith::config::utf8');
    return esmith::backend::call(@call);
}

sub _record {
    my ($self, $key, @data) = @_;
    return $self->_record_class->_construct($self, $key, @data);
}

sub _record_class {
    return 'esmith::DB::db::Record';
}

1;
