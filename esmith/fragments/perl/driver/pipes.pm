# The two pipes to the engine: what is to be done, and the answers (esmith/perl/protocol.py).
#
# Fragments may do what they like to this process. So the pipes are looked at before each use, and only sysread and
# syswrite, compiled before the first fragment, touch them.

package esmith::driver::pipes;

use strict;
use warnings;

use Errno ();
use Exporter 'import';
use Fcntl ();
use IO::Handle ();
use POSIX ();

our @EXPORT_OK = qw(open_pipes receive answer bytes_of is_child end_child has_strays);

# The status that says that the pipes are no longer what they were (process.py).
use constant LOST_PIPES => 97;

my $PID = POSIX::getpid();
my ($IN, $OUT, $STRAYED, $STRAYS, %IDENTITY);
my ($BUFFER, $PLACE) = ('', 0);

# in, out: the numbers of the pipes.
sub open_pipes {
    my ($in, $out) = @_;
    open $IN,  '<&=', $in  or die "no pipe $in: $!";
    open $OUT, '>&=', $out or die "no pipe $out: $!";
    for my $pipe ($IN, $OUT) {
        fcntl $pipe, Fcntl::F_SETFD(), Fcntl::FD_CLOEXEC() or die "close on exec: $!";
        binmode $pipe;
        $IDENTITY{$pipe} = join ' ', (stat $pipe)[0, 1];
    }
    pipe $STRAYED, $STRAYS or die "no pipe: $!";
    $STRAYED->blocking(0);
}

sub still_ours {
    my ($pipe) = @_;
    my ($device, $inode) = stat $pipe;
    POSIX::_exit(LOST_PIPES) unless defined $inode && "$device $inode" eq $IDENTITY{$pipe};
}

sub more {
    while (1) {
        my $got = sysread $IN, $BUFFER, 65536, length $BUFFER;
        next if !defined $got && $!{EINTR};
        return if $got;
        end_child();
        exit(defined $got ? 0 : LOST_PIPES);
    }
}

sub take_number {
    my $end;
    more() while ($end = index $BUFFER, "\n", $PLACE) < 0;
    my $number = substr $BUFFER, $PLACE, $end - $PLACE;
    $PLACE = $end + 1;
    return $number;
}

sub receive {
    still_ours($IN);
    my @fields;
    for (1 .. take_number()) {
        my $length = take_number();
        if ($length < 0) {
            push @fields, undef;
            next;
        }
        more() while length($BUFFER) - $PLACE < $length;
        push @fields, substr $BUFFER, $PLACE, $length;
        $PLACE += $length;
    }
    substr $BUFFER, 0, $PLACE, '';
    $PLACE = 0;
    return @fields;
}

sub answer {
    end_child();
    my $message = @_ . "\n";
    for my $field (@_) {
        my $bytes = bytes_of($field);
        $message .= defined $bytes ? length($bytes) . "\n$bytes" : "-1\n";
    }
    still_ours($OUT);
    my $done = 0;
    while ($done < length $message) {
        my $written = syswrite $OUT, $message, length($message) - $done, $done;
        next if !defined $written && $!{EINTR};
        POSIX::_exit(LOST_PIPES) unless defined $written;
        $done += $written;
    }
}

# A text as the original's file would have it: bytes as they are, characters beyond them as UTF-8.
sub bytes_of {
    my ($text) = @_;
    return undef unless defined $text;
    $text = "$text";
    utf8::downgrade($text, 1) or utf8::encode($text);
    return $text;
}

sub is_child { return POSIX::getpid() != $PID }

# A child that a fragment forked and that came here must not answer for its parent, only be reported.
sub end_child {
    return unless is_child();
    syswrite $STRAYS, '.';
    POSIX::_exit(0);
}

# Whether a child came here.
sub has_strays {
    my $strays = '';
    sysread $STRAYED, $strays, 100;
    return $strays ne '';
}

1;
