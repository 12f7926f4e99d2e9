# Variables that the original's fragments set and nobody sets here: to read one is an error that names it. A fragment that
# sets one itself has an ordinary variable.

package esmith::driver::missing;

use strict;
use warnings;

# package, name: the name has its sigil.
sub watch {
    my ($package, $name) = @_;
    my ($sigil, $word) = $name =~ /\A(.)(.*)\z/;
    no strict 'refs';
    if    ($sigil eq '$') { tie ${"${package}::$word"}, 'esmith::driver::missing::scalar', $name }
    elsif ($sigil eq '@') { tie @{"${package}::$word"}, 'esmith::driver::missing::list',   $name }
    elsif ($sigil eq '%') { tie %{"${package}::$word"}, 'esmith::driver::missing::hash',   $name }
    else                  { *{"${package}::$word"} = sub { complain($name) } }
}

my $COMPLAINT;

sub complain {
    my ($name) = @_;
    $COMPLAINT = "$name is set by fragments of the original and by none here\nset it in the fragment before it is used\n";
    die $COMPLAINT;
}

# What a variable died with since the last call, also when that was caught: the text would lack its value.
sub complaint {
    my $complaint = $COMPLAINT;
    undef $COMPLAINT;
    return $complaint;
}

package esmith::driver::missing::scalar;

sub TIESCALAR { my ($class, $name) = @_; return bless { name => $name }, $class }
sub FETCH {
    my ($self) = @_;
    esmith::driver::missing::complain($self->{name}) unless $self->{set};
    return $self->{value};
}
sub STORE { my ($self, $value) = @_; @$self{qw(set value)} = (1, $value) }

package esmith::driver::missing::list;

use Tie::Array ();
our @ISA = ('Tie::Array');

sub TIEARRAY { my ($class, $name) = @_; return bless { name => $name, list => [] }, $class }
sub list {
    my ($self) = @_;
    esmith::driver::missing::complain($self->{name}) unless $self->{set};
    return $self->{list};
}
sub CLEAR     { my ($self) = @_; @$self{qw(set list)} = (1, []); return }
sub FETCH     { return $_[0]->list->[ $_[1] ] }
sub STORE     { return $_[0]->list->[ $_[1] ] = $_[2] }
sub FETCHSIZE { return scalar @{ $_[0]->list } }
sub STORESIZE { return $#{ $_[0]->list } = $_[1] - 1 }
sub EXTEND    { return }
sub EXISTS    { return exists $_[0]->list->[ $_[1] ] }
sub DELETE    { return delete $_[0]->list->[ $_[1] ] }

package esmith::driver::missing::hash;

sub TIEHASH { my ($class, $name) = @_; return bless { name => $name, hash => {} }, $class }
sub hash {
    my ($self) = @_;
    esmith::driver::missing::complain($self->{name}) unless $self->{set};
    return $self->{hash};
}
sub CLEAR    { my ($self) = @_; @$self{qw(set hash)} = (1, {}); return }
sub FETCH    { return $_[0]->hash->{ $_[1] } }
sub STORE    { return $_[0]->hash->{ $_[1] } = $_[2] }
sub EXISTS   { return exists $_[0]->hash->{ $_[1] } }
sub DELETE   { return delete $_[0]->hash->{ $_[1] } }
sub SCALAR   { return scalar %{ $_[0]->hash } }
sub FIRSTKEY { my $hash = $_[0]->hash; keys %$hash; return each %$hash }
sub NEXTKEY  { return each %{ $_[0]->hash } }

1;
