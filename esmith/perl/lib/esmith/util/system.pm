package esmith::util::system;

use strict;
use warnings;

use Exporter ();
use esmith::backend;

our @ISA       = ('Exporter');
our @EXPORT_OK = qw(killall rsync rsync_ssh);

our $RSYNC_CMD = '/usr/bin/rsync';
our $SSH_CMD   = '/usr/bin/ssh';

=head1 NAME

esmith::util::system - commands that scripts often run

=head1 SYNOPSIS

    use esmith::util::system qw(killall rsync rsync_ssh);
    killall('HUP', 'mydaemon');

=head2 killall($signal, @names)

Sends a signal, by name or number, to all processes of these names: programs, and scripts that begin with C<#!>. True
when there was one.

=cut

sub killall {
    my ($signal, @names) = @_;
    esmith::backend::fail('a template may not send a signal') if $esmith::backend::CALL;
    if ($signal =~ s/\A-//) {
        esmith::backend::complain("You don't need a - on the signal");
    }
    # The kernel keeps fifteen characters of a name (proc(5), comm).
    my %wanted = map { (substr($_, 0, 15) => $_) } @names;
    opendir my $processes, '/proc' or return '';
    my @found = grep { /\A\d+\z/ && $_ != $$ && _is_named($_, \%wanted) } readdir $processes;
    closedir $processes;
    return scalar(grep { kill $signal, $_ } @found) ? 1 : '';
}

sub _is_named {
    my ($process, $wanted) = @_;
    my $short = _read("/proc/$process/comm");
    $short =~ s/\n\z//;
    my $name = $wanted->{$short};
    return '' unless defined $name;
    return 1 if length $name <= 15;
    return scalar grep { m{(?:\A|/)\Q$name\E\z} } split /\0/, _read("/proc/$process/cmdline");
}

sub _read {
    my ($path) = @_;
    open my $file, '<', $path or return '';
    local $/;
    my $text = <$file>;
    return defined $text ? $text : '';
}

=head2 rsync($source, $destination, @options)

Runs C<rsync> (C<$esmith::util::system::RSYNC_CMD>) quietly; true when that went well.

=head2 rsync_ssh($source, $destination, $user, $identity, \@options, \@ssh_options)

The same over C<ssh> (C<$esmith::util::system::SSH_CMD>), as a user with the key in a file.

=cut

sub rsync {
    my ($source, $destination, @options) = @_;
    esmith::backend::fail('a template may not copy files') if $esmith::backend::CALL;
    return system({$RSYNC_CMD} $RSYNC_CMD, @options, '--quiet', $source, $destination) == 0;
}

sub rsync_ssh {
    my ($source, $destination, $user, $identity, $options, $ssh_options) = @_;
    my $ssh = join ' ', "-e $SSH_CMD", '-l', $user, '-i', $identity, @{ $ssh_options || [] };
    return rsync($source, $destination, @{ $options || [] }, $ssh);
}

1;
