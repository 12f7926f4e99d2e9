package esmith::AccountsDB;

use strict;
use warnings;

use esmith::backend;
use esmith::DB::db;

our @ISA = ('esmith::DB::db');

=head1 NAME

esmith::AccountsDB - the database "accounts"

=head1 DESCRIPTION

Like esmith::DB::db; without a name the database that ESMITH_ACCOUNT_DB names is opened, else C<accounts>.

=head2 users, groups, ibays, printers, pseudonyms

The records of a type.

=head2 activeUsers

The records of the users who have a password.

=cut

sub _default {
    return $ENV{ESMITH_ACCOUNT_DB} || 'accounts';
}

sub users      { return $_[0]->get_all_by_prop(type => 'user') }
sub groups     { return $_[0]->get_all_by_prop(type => 'group') }
sub ibays      { return $_[0]->get_all_by_prop(type => 'ibay') }
sub printers   { return $_[0]->get_all_by_prop(type => 'printer') }
sub pseudonyms { return $_[0]->get_all_by_prop(type => 'pseudonym') }

sub activeUsers {
    my ($self) = @_;
    return grep { ($_->prop('PasswordSet') || 'no') eq 'yes' } $self->users;
}

=head2 new_record($key, \%props)

Like that of esmith::DB::db, but returns nothing, with a warning, when there is a unix account or group of that name.

=cut

sub new_record {
    my ($self, $key, $props) = @_;
    if (_names('passwd', 0)->{$key} || _names('group', 0)->{$key}) {
        esmith::backend::complain("Attempt to create account '$key' which already exists in passwd");
        return undef;
    }
    return $self->SUPER::new_record($key, $props);
}

=head2 validate_account_name($name)

C<OK> when the name may be one of an account, else undef: lower-case letters, digits, C<-_.>, a letter first. May be
called as a function, too.

=cut

sub validate_account_name {
    my $name = pop;
    return defined $name && $name =~ /\A[a-z][0-9a-z\-_.]*\z/ ? 'OK' : undef;
}

=head1 GROUPS

=head2 is_user_in_group($user, $group)

1 or 0; undef when there is no such group.

=head2 user_group_list($user)

The keys of the groups a user is in.

=head2 add_user_to_groups($user, @groups), remove_user_from_groups($user, @groups), set_user_groups($user, @groups)

Change the property C<Members> of groups; no event is signalled. A group that would be empty gets the member C<admin>.

=cut

sub _members {
    my ($group) = @_;
    return split /,/, defined $group->prop('Members') ? $group->prop('Members') : '';
}

sub is_user_in_group {
    my ($self, $user, $group) = @_;
    my $record = $self->get($group) or return undef;
    return scalar(grep { $_ eq $user } _members($record)) ? 1 : 0;
}

sub user_group_list {
    my ($self, $user) = @_;
    return map { $_->key } grep { scalar grep { $_ eq $user } _members($_) } $self->groups;
}

sub add_user_to_groups {
    my ($self, $user, @groups) = @_;
    foreach my $name (@groups) {
        unless ($name =~ /\A[\w.-]+\z/) {
            esmith::backend::complain("Group name doesn't look like a group!");
            next;
        }
        my $group = $self->get($name) or next;
        my %members = map { ($_ => 1) } _members($group), $user;
        $group->set_prop('Members', join ',', sort keys %members);
    }
    return;
}

sub remove_user_from_groups {
    my ($self, $user, @groups) = @_;
    foreach my $name (@groups) {
        my $group = $self->get($name) or next;
        my @members = grep { $_ ne $user } _members($group);
        $group->set_prop('Members', join ',', @members ? @members : 'admin');
    }
    return;
}

sub set_user_groups {
    my ($self, $user, @groups) = @_;
    $self->remove_user_from_groups($user, $self->user_group_list($user));
    $self->add_user_to_groups($user, @groups);
    return;
}

=head1 PSEUDONYMS

=head2 dot_pseudonym($user), underbar_pseudonym($user)

First and last name in lower case, joined by a dot or an underline.

=head2 create_user_auto_pseudonyms($user), remove_user_auto_pseudonyms($user)

Make both pseudonyms unless there are accounts of these names; delete them where they are the user's. The latter
returns how many it deleted. As with the event C<user-create>, accents and what cannot be part of a mail address are
dropped from the names, and none is made where the first or the last name is missing. Pseudonyms the original made with
them are deleted, too.

=head2 remove_all_user_pseudonyms($user)

Deletes every pseudonym of a user, and the pseudonyms of these; returns how many.

=cut

sub _full_name {
    my ($self, $user, $joint) = @_;
    my %props = ($self->get($user) or return '')->props;
    my $name = lc join ' ', map { defined $_ ? $_ : '' } @props{qw(FirstName LastName)};
    return join $joint, split ' ', $name;
}

sub dot_pseudonym {
    my ($self, $user) = @_;
    return $self->_full_name($user, '.');
}

sub underbar_pseudonym {
    my ($self, $user) = @_;
    return $self->_full_name($user, '_');
}

# What the action user-create-pseudonyms makes.
sub _auto_pseudonyms {
    my ($self, $user) = @_;
    my %props = ($self->get($user) or return)->props;
    my @parts = map { [ _plain_words($_) ] } @props{qw(FirstName LastName)};
    return if grep { !@$_ } @parts;
    return map { join $_, map { @$_ } @parts } '.', '_';
}

sub _plain_words {
    my ($name) = @_;
    $name = '' unless defined $name;
    require Unicode::Normalize;
    utf8::decode($name) unless utf8::is_utf8($name);
    $name = lc Unicode::Normalize::NFKD($name);
    $name =~ s/[^\x00-\x7f]|'//g;
    return $name =~ /[a-z0-9-]*[a-z0-9][a-z0-9-]*/g;
}

sub create_user_auto_pseudonyms {
    my ($self, $user) = @_;
    foreach my $name ($self->_auto_pseudonyms($user)) {
        $self->get($name) || $self->new_record($name, { type => 'pseudonym', Account => $user });
    }
    return;
}

sub remove_user_auto_pseudonyms {
    my ($self, $user) = @_;
    my %names = map { ($_ => 1) } grep { length }
        $self->_auto_pseudonyms($user), $self->dot_pseudonym($user), $self->underbar_pseudonym($user);
    my @records = grep { defined } map { scalar $self->get($_) } sort keys %names;
    my @own = grep { $_->prop('type') eq 'pseudonym' && ($_->prop('Account') || '') eq $user } @records;
    $_->delete for @own;
    return scalar @own;
}

sub remove_all_user_pseudonyms {
    my ($self, $user) = @_;
    my %account = map { ($_->key => $_->prop('Account')) } $self->pseudonyms;
    my ($count, @accounts) = (0, $user);
    while (defined(my $account = shift @accounts)) {
        foreach my $name (grep { defined $account{$_} && $account{$_} eq $account } sort keys %account) {
            delete $account{$name};
            $self->get($name)->delete;
            $count++;
            push @accounts, $name;
        }
    }
    return $count;
}

=head1 NUMBERS

=head2 get_user_uid($user)

The number of the unix account, the property C<Uid> of a user or a system account; undef where none is known.

=head2 get_next_uid

A number that no user and no group has, and that was not given out before: the configuration record C<MinUid> counts.
Two scripts that ask at once get different ones.

=cut

sub get_user_uid {
    my ($self, $user) = @_;
    my %props = ($self->get($user) or return undef)->props;
    return $props{type} =~ /\A(?:user|system)\z/ ? $props{Uid} : undef;
}

sub get_next_uid {
    require esmith::ConfigDB;
    my $db = esmith::ConfigDB->open or esmith::backend::fail("Couldn't open config db");
    my ($users, $groups) = (_names('passwd', 2), _names('group', 2));
    while (1) {
        my $known = $db->get_value('MinUid');
        my $id = defined $known && $known =~ /\A[0-9]+\z/ ? $known : 5000;
        $id++ while $users->{$id} || $groups->{$id};
        esmith::backend::fail('All userids in use') if $id >= 2**31;
        return $id if $db->_ask('replace_type', 'MinUid', $known, $id + 1);
    }
}

# What is in one column of a file of accounts of the root, or of the accounts of the machine.
sub _names {
    my ($file, $column) = @_;
    my %found;
    if (length esmith::backend::root()) {
        CORE::open my $handle, '<', esmith::backend::under("/etc/$file") or return \%found;
        while (my $line = <$handle>) {
            my @fields = split /:/, $line;
            $found{ $fields[$column] } = 1 if defined $fields[$column];
        }
        return \%found;
    }
    my ($next, $end) = $file eq 'passwd'
        ? (sub { getpwent }, sub { endpwent })
        : (sub { getgrent }, sub { endgrent });
    $end->();
    while (my @fields = $next->()) {
        $found{ $fields[$column] } = 1;
    }
    $end->();
    return \%found;
}

1;
