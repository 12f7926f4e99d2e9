package esmith::util;

use strict;
use warnings;

use POSIX ();
use esmith::absent;
use esmith::backend;
use esmith::config;
use esmith::db;
use esmith::ConfigDB;

=head1 NAME

esmith::util - what fragments and actions use: networks, services, files

=head1 DESCRIPTION

Passwords of unix and Samba accounts are not changed here: the functions of the original for that (setUserPassword and
the like) die and say so.

=head1 NETWORKS

=head2 IPquadToAddr($quad), IPaddrToQuad($number), IPaddrToBackwardQuad($number)

An IPv4 address as a number (0 when it is none) and back; C<IPaddrToBackwardQuad> gives C<4.3.2.1.in-addr.arpa.>.

=cut

sub IPquadToAddr ($) {
    my ($quad) = @_;
    my @parts = defined $quad ? $quad =~ /\A(\d+)\.(\d+)\.(\d+)\.(\d+)\z/a : ();
    return 0 unless @parts;
    my $number = 0;
    $number = $number * 256 + $_ for @parts;
    return $number;
}

sub _parts {
    my ($number) = @_;
    return map { ($number >> $_) & 255 } 24, 16, 8, 0;
}

sub IPaddrToQuad ($) {
    return join '.', _parts($_[0]);
}

sub IPaddrToBackwardQuad ($) {
    return join '.', reverse(_parts($_[0])), 'in-addr', 'arpa', '';
}

sub _bits {
    my ($mask) = @_;
    return scalar grep { $_ } split //, sprintf '%032b', IPquadToAddr($mask);
}

sub _network {
    my ($address, $mask) = @_;
    return IPquadToAddr($address) & IPquadToAddr($mask);
}

=head2 computeNetworkAndBroadcast($address, $mask)

The first and the last address of the network.

=head2 computeHostRange($address, $mask)

How many addresses it has, the first and the last.

=head2 computeNetmaskFromBits($bits)

24 gives 255.255.255.0.

=cut

sub computeNetworkAndBroadcast ($$) {
    my ($address, $mask) = @_;
    my $first = _network($address, $mask);
    return (IPaddrToQuad($first), IPaddrToQuad($first | (~IPquadToAddr($mask) & 0xffffffff)));
}

sub computeHostRange ($$) {
    my ($address, $mask) = @_;
    return (2**(32 - _bits($mask)), computeNetworkAndBroadcast($address, $mask));
}

sub computeNetmaskFromBits ($) {
    my ($bits) = @_;
    return IPaddrToQuad($bits ? (0xffffffff << (32 - $bits)) & 0xffffffff : 0);
}

=head2 computeLocalNetworkPrefix, computeLocalNetworkSpec, computeLocalNetworkShortSpec, computeLocalNetworkReversed

Of an address and a mask: C<192.168.8.>, C<192.168.8.0/255.255.255.0>, C<192.168.8.0/24>, C<8.168.192.in-addr.arpa.>.

=head2 computeAllLocalNetworkPrefixes($address, $mask)

The prefixes that cover a network on octet boundaries: C<192.168.8>, C<192.168.9> for a mask of 255.255.254.0.

=cut

sub computeLocalNetworkPrefix ($$) {
    my ($address, $mask) = @_;
    return join '.', (_parts(_network($address, $mask)))[0 .. 2], '';
}

sub computeLocalNetworkSpec ($$) {
    my ($address, $mask) = @_;
    return IPaddrToQuad(_network($address, $mask)) . '/' . computeNetmaskFromBits(_bits($mask));
}

sub computeLocalNetworkShortSpec ($$) {
    my ($address, $mask) = @_;
    return IPaddrToQuad(_network($address, $mask)) . '/' . _bits($mask);
}

sub computeLocalNetworkReversed ($$) {
    my ($address, $mask) = @_;
    my @address = split /\./, $address;
    my @kept;
    foreach my $part (split /\./, $mask) {
        last unless $part eq '255';
        unshift @kept, shift @address;
    }
    return join '.', @kept, 'in-addr.arpa.';
}

sub computeAllLocalNetworkPrefixes {
    my ($address, $mask) = @_;
    my $bits = _bits($mask);
    my $octets = POSIX::ceil($bits / 8) || 1;
    my $step = 2**(32 - 8 * $octets);
    my $first = _network($address, $mask);
    my @numbers = map { $first + $_ * $step } 0 .. 2**(8 * $octets - $bits) - 1;
    return map { join '.', (_parts($_))[0 .. $octets - 1] } @numbers;
}

=head1 FILES AND PROCESSES

=head2 processTemplate

See esmith::templates.

=head2 chownFile($user, $group, $file)

Changes the owner of a file; undef leaves user or group as it is.

=head2 setRealToEffective

Makes the real user and group the effective ones.

=head2 backgroundCommand($seconds, @command)

Runs a command in the background after some seconds.

=cut

sub processTemplate {
    require esmith::templates;
    goto &esmith::templates::processTemplate;
}

sub chownFile ($$$) {
    my ($user, $group, $file) = @_;
    my @status = stat $file;
    unless (@status) {
        esmith::backend::complain("can't chownFile $file: $!");
        return;
    }
    my $uid = defined $user  ? getpwnam $user  : $status[4];
    my $gid = defined $group ? getgrnam $group : $status[5];
    esmith::backend::fail("can't chownFile $file: there is no user $user")   unless defined $uid;
    esmith::backend::fail("can't chownFile $file: there is no group $group") unless defined $gid;
    return chown $uid, $gid, $file;
}

sub setRealToEffective () {
    $< = $>;
    $( = $);
    return;
}

sub backgroundCommand ($@) {
    my ($delay, @command) = @_;
    my $child = fork;
    esmith::backend::fail("cannot fork: $!") unless defined $child;
    return if $child;
    # Not this script's END blocks, whatever happens.
    my $grandchild = fork;
    POSIX::_exit(0) if !defined $grandchild || $grandchild;
    POSIX::setsid();
    chdir '/';
    open STDIN,  '<', '/dev/null';
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', '/dev/null';
    sleep $delay if $delay;
    no warnings 'exec';
    exec { $command[0] } @command;
    POSIX::_exit(127);
}

=head1 SETTINGS AND SERVICES

=head2 determineRelease

The property C<ReleaseVersion> of C<sysconfig>.

=head2 ldapBase($domain)

C<example.com> gives C<dc=example,dc=com>.

=head2 set_secret($db, $key, $prop, type => $type)

Gives a record a random password as a property, unless it has one; makes the record (type C<service>) where there is
none.

=head2 serviceControl(NAME => $service, ACTION => $action)

Controls a service under runit, daemontools or systemd: start, stop, restart, reload, graceful, adjust, sigterm,
sighup, sigusr1 ... Returns 1, or 0 with a warning when that does not work.

=head2 initialize_default_databases

Runs C<esmith initialize-databases>.

=cut

sub determineRelease () {
    my $db = esmith::ConfigDB->open_ro or return '(unknown version)';
    return $db->get_prop('sysconfig', 'ReleaseVersion') || '(unknown version)';
}

sub ldapBase {
    my ($domain) = @_;
    return join ',', map { "dc=$_" } split /\./, $domain;
}

sub set_secret {
    my ($db, $key, $prop, %options) = @_;
    my $type = $options{type} || 'service';
    return if $db->get_prop($key, $prop);
    $db->set_prop($key, $prop, _random(), type => $type);
    return;
}

sub serviceControl {
    my (%options) = @_;
    foreach my $name (qw(NAME ACTION)) {
        esmith::backend::fail("serviceControl: $name must be specified") unless defined $options{$name};
    }
    esmith::backend::fail('a template may not control a service') if $esmith::backend::CALL;
    my ($done, $reason) = esmith::backend::attempt('service', @options{qw(NAME ACTION)});
    return 1 if $done;
    warn "serviceControl: $reason\n";
    return 0;
}

sub initialize_default_databases {
    return esmith::DB->migrate;
}

=head1 PASSWORDS AND LICENCES

=head2 LdapPassword, genLdapPassword

The password of the LDAP server, in F</etc/openldap/ldap.pw>; where there is no such file it is made, with a random
password, for root only. C<genLdapPassword> makes a new one. undef, with a warning, when that does not work. A fragment
may read the password and not make one.

=head2 getLicenses($locale), getLicenseFile($locale)

The lines of all files in F</etc/e-smith/licenses/LOCALE> (or ESMITH_LICENSE_DIR), in scalar context joined by blanks;
the path of the first file. Without a locale that of C<sysconfig> is taken, C<en_US> where there are none for it; C<fr-ca>
means C<fr_CA>.

=cut

sub LdapPassword () {
    my $path = esmith::backend::under('/etc/openldap/ldap.pw');
    return genLdapPassword() unless -f $path;
    open my $file, '<', $path or esmith::backend::fail("Could not open LDAP password file: $!");
    my $password = <$file>;
    $password = '' unless defined $password;
    chomp $password;
    return $password;
}

sub genLdapPassword () {
    esmith::backend::fail('a template may not make the LDAP password') if $esmith::backend::CALL;
    my $path = esmith::backend::under('/etc/openldap/ldap.pw');
    my $password = _random();
    require File::Temp;
    my ($file, $new) = eval { File::Temp::tempfile("$path.XXXXXX") };
    unless ($file && print({$file} "$password\n") && close($file) && rename($new, $path)) {
        esmith::backend::complain("Could not write LDAP password file: $!");
        unlink $new if defined $new;
        return undef;
    }
    return $password;
}

sub _random {
    open my $random, '<', '/dev/urandom' or esmith::backend::fail("cannot open /dev/urandom: $!");
    my $read = sysread $random, my $bytes, 24;
    esmith::backend::fail('cannot read /dev/urandom') unless $read && $read == 24;
    return unpack 'H*', $bytes;
}

sub _licenses {
    my ($locale) = @_;
    if ($locale) {
        $locale =~ s/-(\S\S)/_\U$1/;
    }
    else {
        my $db = esmith::ConfigDB->open_ro;
        ($locale) = $db->getLocale if $db;
    }
    my $base = $ENV{ESMITH_LICENSE_DIR} || esmith::backend::under('/etc/e-smith/licenses');
    my $directory = defined $locale && -d "$base/$locale" ? "$base/$locale" : "$base/en_US";
    opendir my $handle, $directory or esmith::backend::fail("Couldn't open licenses directory: $!");
    return grep { -f } map { "$directory/$_" } sort readdir $handle;
}

sub getLicenses {
    my @lines;
    foreach my $path (_licenses(@_)) {
        open my $file, '<', $path or esmith::backend::fail("Couldn't open license $path: $!");
        push @lines, <$file>;
    }
    return wantarray ? @lines : "@lines";
}

sub getLicenseFile {
    return (_licenses(@_))[0];
}

my $ACCOUNTS = 'passwords of accounts are set by passwd and smbpasswd';
esmith::absent::functions(
    __PACKAGE__,
    validatePassword => 'whether a password is good is for PAM to say: pam_pwquality(8)',
    map { ($_ => $ACCOUNTS) } qw(
        setUnixPassword authenticateUnixPassword setUnixPasswordRequirePrevious setSambaPassword cancelSambaPassword
        setUnixSystemPassword setServerSystemPassword setUserPassword setUserPasswordRequirePrevious cancelUserPassword
        setIbayPassword
    ),
);

1;
