package esmith::util::ldap;

use strict;
use warnings;

use Exporter ();
use esmith::backend;
use esmith::ConfigDB;

our @ISA    = ('Exporter', 'Net::LDAP');
our @EXPORT = qw(
    stringToASCII ldapgroup ldapdelgroup ldapsetgroupmembers ldapaddgroupmembers
    ldapuser ldapdeluser ldaplockuser ldapaddmachine ldapdelmachine
);
our @EXPORT_OK = qw(ldapaddgroup ldapmodgroup ldapadduser ldapmoduser ldapexistsgroup ldapexistsuser ldapread);

=head1 NAME

esmith::util::ldap - the directory of SME Server 11: users, groups and machines in an LDAP server on this machine

=head1 SYNOPSIS

    use esmith::util::ldap;
    my $ldap = esmith::util::ldap->new;
    my $code = $ldap->ldapuser($accounts->get('alice'));

=head1 DESCRIPTION

No LDAP server is set up by this version; a contrib may bring one. C<new> needs the Debian package libnet-ldap-perl. The
server has to have the units Users, Groups and Computers below the base, and for the address of a group the object class
mailboxRelatedObject, which Debian's schemas do not have: without it making the entry of a group of
users gives the code 21.

=head2 new

Connects to C<localhost> as C<cn=root> with the password of esmith::util::LdapPassword, and returns a Net::LDAP with the
methods below. Dies when that does not work.

=head2 base

C<dc=example,dc=com> of DomainName.

=cut

sub new {
    my ($class) = @_;
    esmith::backend::fail('a template may not change the directory') if $esmith::backend::CALL;
    require esmith::util;
    unless (eval { local $SIG{__DIE__}; require Net::LDAP; 1 }) {
        esmith::backend::fail('esmith::util::ldap needs Net::LDAP: apt-get install libnet-ldap-perl');
    }
    my $self = Net::LDAP->new('localhost') or esmith::backend::fail("cannot connect to the LDAP server: $@");
    bless $self, $class;
    my $answer = $self->bind('cn=root,' . $self->base, password => esmith::util::LdapPassword());
    esmith::backend::fail('the LDAP server refuses the login: ' . $answer->error) if $answer->code;
    return $self;
}

sub _domain {
    my $db = esmith::ConfigDB->open_ro or esmith::backend::fail('cannot open the database configuration');
    my $domain = $db->get_value('DomainName');
    esmith::backend::fail('there is no DomainName') unless defined $domain;
    return $domain;
}

sub base {
    require esmith::util;
    return esmith::util::ldapBase(_domain());
}

=head2 ldapuser($record), ldapgroup($record)

Make or change the entry of a record of the database C<accounts> (type C<user>, C<group>, C<ibay> or C<machine>). They,
and all below but the last three, return the code of the LDAP server, 0 when it was done; 255 for what is not a record,
254 for one without a type, 253 for one without a number.

=head2 ldapadduser, ldapmoduser, ldapaddgroup, ldapmodgroup

The two halves of these.

=cut

sub ldapuser {
    my ($self, $record) = @_;
    my ($name, $trouble) = _name($record);
    return $trouble if $trouble;
    return $self->ldapexistsuser($name) ? $self->ldapmoduser($record) : $self->ldapadduser($record);
}

sub ldapgroup {
    my ($self, $record) = @_;
    my ($name, $trouble) = _name($record);
    return $trouble if $trouble;
    return $self->ldapexistsgroup($name) ? $self->ldapmodgroup($record) : $self->ldapaddgroup($record);
}

sub _name {
    my ($record) = @_;
    my $name = ref $record ? $record->key : undef;
    return (undef, 255) unless $name;
    return ($name, $record->prop('type') ? 0 : 254);
}

sub ldapadduser {
    my ($self, $record) = @_;
    my ($name, $trouble) = _name($record);
    return $trouble if $trouble;
    my %entry = $self->_user($record) or return 253;
    my @classes = $record->prop('type') eq 'user' ? 'inetOrgPerson' : 'account';
    return $self->_add("uid=$name,ou=Users", %entry, _shadow(), objectClass => [@classes, 'posixAccount', 'shadowAccount']);
}

sub ldapmoduser {
    my ($self, $record) = @_;
    my ($name, $trouble) = _name($record);
    return $trouble if $trouble;
    my %entry = $self->_user($record) or return 253;
    return $self->_change("uid=$name,ou=Users", %entry);
}

sub ldapaddgroup {
    my ($self, $record) = @_;
    my ($name, $trouble) = _name($record);
    return $trouble if $trouble;
    my %entry = $self->_group($record) or return 253;
    my $mails = $record->prop('type') !~ /\A(?:ibay|machine)\z/;
    return $self->_add("cn=$name,ou=Groups", %entry, objectClass => ['posixGroup', $mails ? 'mailboxRelatedObject' : ()]);
}

sub ldapmodgroup {
    my ($self, $record) = @_;
    my ($name, $trouble) = _name($record);
    return $trouble if $trouble;
    my %entry = $self->_group($record) or return 253;
    return $self->_change("cn=$name,ou=Groups", %entry);
}

# The attributes of a user, a group or an i-bay as a unix account; none without a number.
sub _user {
    my ($self, $record) = @_;
    my %props = $record->props;
    my ($name, $type, $uid) = ($record->key, $props{type}, $props{Uid});
    return () unless $uid;
    my %entry = (uid => $name, uidNumber => $uid, gidNumber => $props{Gid} || $uid);
    if ($type ne 'user') {
        my $home = $type eq 'ibay' ? "/home/e-smith/files/ibays/$name" : '/home/e-smith';
        my $cn = $type eq 'ibay' ? stringToASCII($props{Name}) || $name : $name;
        return (%entry, cn => $cn, homeDirectory => $home, loginShell => '/bin/false');
    }
    my %ascii = map { ($_ => stringToASCII($props{$_}) || '') } qw(FirstName LastName Phone Company Dept City Street);
    my $full = join ' ', grep { length } @ascii{qw(FirstName LastName)};
    my %person = (
        cn => $full, displayName => $full, givenName => $ascii{FirstName}, sn => $ascii{LastName},
        mail => $name . '@' . _domain(), telephoneNumber => $ascii{Phone}, o => $ascii{Company}, ou => $ascii{Dept},
        l => $ascii{City}, street => $ascii{Street},
    );
    $person{$_} = $name for grep { !length $person{$_} } qw(cn displayName sn);
    my ($home, $shell) = ("/home/e-smith/files/users/$name", $props{Shell} || '/usr/bin/false');
    return (%entry, %person, homeDirectory => $home, loginShell => $shell);
}

sub _group {
    my ($self, $record) = @_;
    my %props = $record->props;
    my ($name, $number) = ($record->key, $props{Gid} || $props{Uid});
    return () unless $number;
    my %entry = (cn => $name, gidNumber => $number);
    my %description = (group => $props{Description}, ibay => $props{Name});
    if (exists $description{ $props{type} }) {
        $entry{description} = stringToASCII($description{ $props{type} }) || $name;
    }
    $entry{mail} = $name . '@' . _domain() if $props{type} eq 'group';
    return %entry;
}

# A password that nobody has, and no limit in time.
sub _shadow {
    return (
        userPassword => '{crypt}!*', shadowExpire => -1, shadowInactive => -1, shadowMin => -1, shadowMax => 99999,
        shadowWarning => 7, shadowLastChange => int(time / 86400),
    );
}

=head2 ldapsetgroupmembers($group, \@users), ldapaddgroupmembers($group, \@users)

Replace or extend the members of a group; to replace them, C<admin> and C<www> are added to a group of the database
C<accounts>.

=head2 ldapdeluser($user), ldapdelgroup($group), ldapdelmachine($machine), ldapaddmachine($record), ldaplockuser($user)

Delete an entry, make that of a record of the type C<machine>, take away a user's password.

=cut

sub ldapsetgroupmembers {
    my ($self, $group, $users) = @_;
    require esmith::AccountsDB;
    my $accounts = esmith::AccountsDB->open_ro;
    my $type = $accounts ? $accounts->get_prop($group, 'type') || '' : '';
    my %seen;
    my @members = grep { !$seen{$_}++ } @$users, $type eq 'group' ? qw(admin www) : ();
    return $self->_modify("cn=$group,ou=Groups", replace => { memberUid => \@members });
}

sub ldapaddgroupmembers {
    my ($self, $group, $users) = @_;
    return $self->_modify("cn=$group,ou=Groups", add => { memberUid => [@$users] });
}

sub ldapdeluser    { return $_[0]->_delete("uid=$_[1],ou=Users") }
sub ldapdelgroup   { return $_[0]->_delete("cn=$_[1],ou=Groups") }
sub ldapdelmachine { return $_[0]->_delete("uid=$_[1],ou=Computers") }
sub ldaplockuser   { return $_[0]->_modify("uid=$_[1],ou=Users", replace => { userPassword => '{crypt}!*' }) }

sub ldapaddmachine {
    my ($self, $record) = @_;
    my ($name, $trouble) = _name($record);
    return 253 if $trouble || $record->prop('type') ne 'machine' || !$record->prop('Uid');
    my $uid = $record->prop('Uid');
    return $self->_add(
        "uid=$name,ou=Computers", _shadow(),
        uid => $name, cn => "Hostname account for $name", uidNumber => $uid, gidNumber => $record->prop('Gid') || $uid,
        homeDirectory => '/noexistingpath', loginShell => '/bin/false',
        objectClass => ['account', 'posixAccount', 'shadowAccount'],
    );
}

=head2 ldapexistsuser($user), ldapexistsgroup($group)

1 or 0.

=head2 ldapread($entry)

Prints the entry C<uid=alice,ou=Users> with its attributes.

=head2 stringToASCII($text)

The text without accents and other characters that are not ASCII; undef for nothing. A function or a method.

=cut

sub ldapexistsuser  { return $_[0]->_entry("uid=$_[1],ou=Users")  ? 1 : 0 }
sub ldapexistsgroup { return $_[0]->_entry("cn=$_[1],ou=Groups") ? 1 : 0 }

sub ldapread {
    my ($self, $name) = @_;
    my $entry = $self->_entry($name) or return 32;
    print $entry->dn, "\n";
    # The original's form: names in lower case, and a line that ends the entry.
    print "\t $_: ", join(' ', $entry->get_value($_)), " \n" for sort map { lc } $entry->attributes;
    print '#', '-' x 31, "\n";
    return;
}

sub stringToASCII {
    my $text = pop;
    return undef unless defined $text && length $text;
    require Unicode::Normalize;
    utf8::decode($text) unless utf8::is_utf8($text);
    # Letters that are no letter with an accent.
    my %letters = ("\x{df}" => 'ss', "\x{e6}" => 'ae', "\x{c6}" => 'AE', "\x{f8}" => 'o', "\x{d8}" => 'O',
        "\x{153}" => 'oe', "\x{152}" => 'OE', "\x{142}" => 'l', "\x{141}" => 'L');
    $text =~ s/([^\x00-\x7f])/exists $letters{$1} ? $letters{$1} : $1/ge;
    $text = Unicode::Normalize::NFKD($text);
    $text =~ s/[^\x00-\x7f]//g;
    return $text;
}

# ---------------------------------------------------------------- what all of them ask of the server

sub _dn {
    my ($self, $name) = @_;
    return "$name," . $self->base;
}

sub _entry {
    my ($self, $name) = @_;
    my $answer = $self->search(base => $self->_dn($name), scope => 'base', filter => '(objectClass=*)');
    return $answer->code ? undef : $answer->entry(0);
}

sub _add {
    my ($self, $name, %entry) = @_;
    # An LDAP server does not take an empty value.
    my @given = grep { length $entry{$_} } sort keys %entry;
    return $self->add($self->_dn($name), attrs => [ map { ($_ => $entry{$_}) } @given ])->code;
}

sub _modify {
    my ($self, $name, %change) = @_;
    return $self->modify($self->_dn($name), %change)->code;
}

# Only what differs is written; nothing, where nothing does. What is empty now goes from the entry.
sub _change {
    my ($self, $name, %entry) = @_;
    my $old = $self->_entry($name) or return 32;
    my @differing = grep { ($old->get_value($_) // '') ne $entry{$_} } keys %entry;
    my %change = map { ($_ => length $entry{$_} ? $entry{$_} : []) } @differing;
    return %change ? $self->_modify($name, replace => \%change) : 0;
}

sub _delete {
    my ($self, $name) = @_;
    return $self->delete($self->_dn($name))->code;
}

1;
