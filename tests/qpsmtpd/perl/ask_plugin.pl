# Asks plugins of qpsmtpd, in this process, about senders, recipients, greetings and clients.
# A line of standard input: the file of the plugin, the list, its contents, and what to ask about, each in hexadecimal.
# The answer is a line of words, one for each thing asked about: 1 listed, 0 not, or "error".
# The plugin's own code decides, and Qpsmtpd.pm reads the list; around them stands only what they call.

package Around;
use strict;
use warnings;

our ($ip, %notes, $file);

sub new { return bless {_args => {reject => 1}}, shift }
sub qp { return shift }
sub connection { return shift }
sub is_immune { return 0 }
sub adjust_karma { return }
sub log { return }
sub config { my ($self, $name, $kind) = @_; return {} if $kind; return Qpsmtpd->_config_from_file($file, $name) }
sub get_reject { return Qpsmtpd::Constants::DENY() }
sub remote_ip { return $ip }
sub notes { my ($self, $name, @value) = @_; $notes{$name} = $value[0] if @value; return $notes{$name} }
sub register_hook { return }
sub init_resolver { return 1 }

package main;
use strict;
use warnings;
use Qpsmtpd;
use Qpsmtpd::Address;
use Qpsmtpd::Constants;
use File::Temp ();

my %ask = (
    badmailfrom      => sub { ($_[0]->hook_mail($_[0], address($_[1])))[0] == DENY },
    badrcptto        => sub { ($_[0]->hook_rcpt($_[0], address($_[1])))[0] == DENY },
    badhelo          => sub { () = $_[0]->is_in_badhelo($_[1]) },
    whitelistsenders => sub { $_[0]->check_sender($_[0], address($_[1])); $Around::notes{whitelistsender} },
    whitelisthelo    => sub { $_[0]->check_helo($_[0], $_[1]); $Around::notes{whitelisthelo} },
    whitelisthosts   => sub { $Around::ip = $_[1]; $_[0]->check_host; $Around::notes{whitelisthost} },
    relayclients     => sub {
        $Around::ip = $_[1];
        $_[0]->populate_relayclients;
        $_[0]->is_in_cidr_block || $_[0]->is_octet_match;
    },
);
my %packages;
my $folder = File::Temp->newdir;
$Around::file = "$folder/list";
$| = 1;

while (my $line = <STDIN>) {
    my ($plugin, $list, $contents, @texts) = map { pack 'H*', $_ } split ' ', $line;
    open my $out, '>', $Around::file or die $!;
    print {$out} $contents;
    close $out or die $!;
    my $package = $packages{$plugin} ||= compiled($plugin);
    print join(' ', map { says($package, $list, $_) } @texts), "\n";
}

sub says {
    my ($package, $list, $text) = @_;
    %Around::notes = ();
    my $listed = eval { $ask{$list}->($package->new, $text) ? 1 : 0 };
    print STDERR $@ if $@;
    return defined $listed ? $listed : 'error';
}

sub address {
    my ($text) = @_;
    return Qpsmtpd::Address->new("<$text>") || die "qpsmtpd does not take $text for an address\n";
}

sub compiled {
    my ($file) = @_;
    my $package = 'Plugin' . keys %packages;
    open my $in, '<', $file or die "$file: $!";
    my $code = do { local $/; <$in> };
    eval "package $package; our \@ISA = ('Around'); use Qpsmtpd::Constants; $code; 1" or die $@;
    return $package;
}
