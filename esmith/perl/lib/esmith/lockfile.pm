package esmith::lockfile;

use strict;
use warnings;

use Exporter ();
use Fcntl ();
use esmith::backend;

our @ISA       = ('Exporter');
our @EXPORT_OK = qw(LockFileOrReturn LockFileOrWait UnlockFile);

=head1 NAME

esmith::lockfile - locks between scripts

=head2 LockFileOrReturn($file), LockFileOrWait($file), UnlockFile($handle)

Lock a file, which is made where there is none, and return its handle. The first returns 0 when somebody else has it;
the second waits. A file that cannot be opened is a C<die>.

=cut

sub LockFileOrReturn ($) {
    return _locked($_[0], Fcntl::LOCK_EX() | Fcntl::LOCK_NB());
}

sub LockFileOrWait ($) {
    return _locked($_[0], Fcntl::LOCK_EX());
}

sub UnlockFile ($) {
    my ($handle) = @_;
    flock $handle, Fcntl::LOCK_UN();
    return close $handle;
}

sub _locked {
    my ($file, $how) = @_;
    open my $handle, '>>', $file or esmith::backend::fail("Cannot open lock file $file for writing: $!.");
    return flock($handle, $how) ? $handle : 0;
}

1;
