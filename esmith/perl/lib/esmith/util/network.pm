package esmith::util::network;

use strict;
use warnings;

use Exporter ();

our @ISA         = ('Exporter');
our @EXPORT_OK   = qw(isValidIP cleanIP isValidPort cmpIP isValidHostname isValidEmail);
our %EXPORT_TAGS = (all => [qw(isValidIP cleanIP isValidPort cmpIP)]);

=head1 NAME

esmith::util::network - IPv4 addresses, ports, names

=head2 isValidIP($text), cleanIP($text)

Whether a text is an IPv4 address; the address without padding zeros, C<''> when it is none.

=cut

sub isValidIP {
    my ($text) = @_;
    return '' unless defined $text && $text =~ /\A(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\z/a;
    return scalar(grep { $_ > 255 } $1, $2, $3, $4) ? '' : 1;
}

sub cleanIP {
    my ($text) = @_;
    return isValidIP($text) ? join '.', map { $_ + 0 } split /\./, $text : '';
}

=head2 isValidPort($text)

Whether a text is a number from 1 to 65535: 1 or 0.

=cut

sub isValidPort {
    my ($text) = @_;
    return defined $text && $text =~ /\A\d{1,9}\z/a && $text > 0 && $text < 65536 ? 1 : 0;
}

=head2 cmpIP($one, $other)

-1, 0 or 1, as C<cmp>; dies when one is no address.

=cut

sub cmpIP {
    my ($one, $other) = @_;
    die "The first argument is not a valid IP address.\n"  unless isValidIP($one);
    die "The second argument is not a valid IP address.\n" unless isValidIP($other);
    my @other = split /\./, $other;
    foreach my $number (split /\./, $one) {
        my $order = $number <=> shift @other;
        return $order if $order;
    }
    return 0;
}

=head2 isValidHostname($text)

1 for an address, or a name that begins with a letter and has a dot before a letter, else 0.

=head2 isValidEmail($text, { permitlocal => 0 })

1 for an address with a domain; unless C<permitlocal> is 0, also for C<admin> and for a user of the database
C<accounts>. Else 0.

=cut

sub isValidHostname {
    my ($text) = @_;
    return 1 if isValidIP($text);
    # As in the original: a part in the middle may begin with a digit.
    return defined $text && $text =~ /\A[a-z][-.a-z0-9]*\.[a-z][-.a-z0-9]*\z/i ? 1 : 0;
}

sub isValidEmail {
    my ($text, $options) = @_;
    return 0 unless defined $text;
    return 1 if $text =~ /\A[^\s\@<>(),;:\\"\[\]]+\@[a-z0-9](?:[-a-z0-9]*\.)*[-a-z0-9]+\z/ai;
    my $permitted = !exists $options->{permitlocal} || $options->{permitlocal};
    return 0 unless $permitted && $text =~ /\A[a-zA-Z][a-zA-Z0-9._-]*\z/;
    return 1 if $text eq 'admin';
    require esmith::AccountsDB;
    my $accounts = esmith::AccountsDB->open_ro or return 0;
    return ($accounts->get_prop($text, 'type') || '') eq 'user' ? 1 : 0;
}

1;
