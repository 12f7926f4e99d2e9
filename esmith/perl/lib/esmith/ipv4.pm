package esmith::ipv4;

use strict;
use warnings;

use Carp ();
use Exporter ();

our @ISA       = ('Exporter');
our @EXPORT_OK = qw(
    ipv4_parse ipv4_chkip ipv4_network ipv4_broadcast ipv4_in_network ipv4_cidr2msk ipv4_msk2cidr ipv4_dflt_netmask
);
our %EXPORT_TAGS = (all => [@EXPORT_OK]);

=head1 NAME

esmith::ipv4 - functions for IPv4 addresses, as the documentation of Net::IPv4Addr has them

=head1 SYNOPSIS

    use Net::IPv4Addr ':all';
    my ($network, $bits) = ipv4_network('192.168.100.30/26');

=head1 DESCRIPTION

An address may have a mask after a slash, as a number of bits or as an address, with blanks around the slash; or the
mask is an argument of its own. What is none is a C<die> with the place of the caller.

=head2 ipv4_parse($address, $mask)

Address and number of bits; in scalar context C<ADDRESS/BITS>. Without a mask only the address.

=head2 ipv4_chkip($text)

The address in a text, undef when there is none.

=cut

sub ipv4_chkip($) {
    my ($text) = @_;
    my ($address) = defined $text ? $text =~ /(\d+(?:\.\d+){3})/a : ();
    return undef if !defined $address || grep { $_ > 255 } split /\./, $address;
    return $address;
}

sub ipv4_parse($;$) {
    my ($text, $mask) = @_;
    ($text, $mask) = split m{/}, defined $text ? $text : '', 2 unless defined $mask;
    my $address = ipv4_chkip($text);
    _refuse('IPv4 address', $text) unless defined $address;
    return $address unless defined $mask;
    $mask =~ s/\s+//g;
    my $bits = $mask =~ /\A\d{1,2}\z/a ? $mask : $mask =~ /\A\d+(?:\.\d+){3}\z/a ? ipv4_msk2cidr($mask) : undef;
    _refuse('netmask specification', $mask) unless defined $bits;
    _refuse('cidr', $bits) if $bits > 32;
    return wantarray ? ($address, $bits) : "$address/$bits";
}

=head2 ipv4_network($address, $mask), ipv4_broadcast($address, $mask)

The first address of the network and the number of its bits, in scalar context C<ADDRESS/BITS>; the last address. An
address without a mask has that of its class.

=head2 ipv4_dflt_netmask($address)

The mask of the class of an address: 255.0.0.0, 255.255.0.0 or 255.255.255.0.

=cut

sub ipv4_network($;$) {
    my ($number, $bits) = _number_and_bits(@_);
    my $network = _quad($number & _mask($bits));
    return wantarray ? ($network, $bits) : "$network/$bits";
}

sub ipv4_broadcast($;$) {
    my ($number, $bits) = _number_and_bits(@_);
    return _quad($number | (~_mask($bits) & 0xffffffff));
}

sub ipv4_dflt_netmask($) {
    my ($address) = ipv4_parse($_[0]);
    my ($first) = split /\./, $address;
    return $first < 128 ? '255.0.0.0' : $first < 192 ? '255.255.0.0' : '255.255.255.0';
}

=head2 ipv4_in_network($network, $other), ipv4_in_network($address, $mask, $other, $mask)

Whether the second is wholly inside of the first. 0.0.0.0 and 255.255.255.255 without a mask are in every network, and
have everything inside. An address without a mask has only itself inside.

=cut

sub ipv4_in_network($$;$$) {
    my @pairs = @_ > 2 ? ([@_[0, 1]], [@_[2, 3]]) : ([$_[0]], [$_[1]]);
    my ($one, $other) = map { [ ipv4_parse($_->[0], $_->[1]) ] } @pairs;
    return 1 if grep { !defined $_->[1] && $_->[0] =~ /\A(?:0\.0\.0\.0|255\.255\.255\.255)\z/ } $one, $other;
    return $one->[0] eq $other->[0] unless defined $one->[1];
    return 0 if defined $other->[1] && $other->[1] < $one->[1];
    return ipv4_network($one->[0], $one->[1]) eq ipv4_network($other->[0], $one->[1]);
}

=head2 ipv4_cidr2msk($bits), ipv4_msk2cidr($mask)

24 gives 255.255.255.0, and that gives 24.

=cut

sub ipv4_cidr2msk($) {
    my ($bits) = @_;
    _refuse('cidr', $bits) unless defined $bits && $bits =~ /\A\d{1,2}\z/a && $bits <= 32;
    return _quad(_mask($bits));
}

sub ipv4_msk2cidr($) {
    my $mask = ipv4_chkip($_[0]);
    _refuse('netmask', $_[0]) unless defined $mask;
    return unpack '%32b*', pack 'N', _number($mask);
}

sub _number_and_bits {
    my ($address, $bits) = ipv4_parse($_[0], $_[1]);
    $bits = ipv4_msk2cidr(ipv4_dflt_netmask($address)) unless defined $bits;
    return (_number($address), $bits);
}

sub _number {
    my ($address) = @_;
    return unpack 'N', pack 'C4', split /\./, $address;
}

sub _mask {
    my ($bits) = @_;
    return $bits ? (0xffffffff << (32 - $bits)) & 0xffffffff : 0;
}

sub _quad {
    my ($number) = @_;
    return join '.', unpack 'C4', pack 'N', $number;
}

sub _refuse {
    my ($what, $text) = @_;
    Carp::croak("Net::IPv4Addr: invalid $what: " . (defined $text ? $text : 'undef'));
}

1;
