package esmith::backend;

use strict;
use warnings;

use Errno ();
use Fcntl ();
use POSIX ();

=head1 NAME

esmith::backend - the databases, asked over a pipe

=head1 SYNOPSIS

    my ($type, %props) = esmith::backend::call('record', 'accounts', 'alice');

=head1 DESCRIPTION

All esmith modules ask for the databases here; scripts use esmith::ConfigDB and its like. At the first call a helper
process is started (C</sbin/e-smith/esmith-perl-server> under ESMITH_ROOT, or what ESMITH_PERL_SERVER names). It ends
with the script. A child that the script forks starts a helper of its own at its first call.

Where the caller itself has the databases at hand, it sets C<$esmith::backend::CALL> to a sub that is given the
operation and its arguments and returns the results, or dies with a message.

=cut

our $CALL;

# Counts the changes this process makes or may have had made, so that records know when their copies are old.
our $CHANGES = 0;

# The databases that the fragments of one output created, by path: empty ones that are nowhere stored.
our %CREATED;

my %CHANGING = map { $_ => 1 } qw(
    create add set set_props set_type replace_type delete_prop delete reset expand install
);

# The packages whose lines are not the script's.
my $OURS = qr/\Aesmith::(?:absent|backend|config|db|event|lockfile|logrotate|tcpsvd|templates|util|DB|\w+DB|I18N|Logger)\b/;

# The pipes to the helper and the process they belong to. While a question is open nobody else finds them here: a signal
# handler that asks something gets a helper of its own, and what a handler breaks off by "die" is not used again.
my $CONNECTION;

=head2 call($operation, @arguments)

Asks for one operation and returns its results; in scalar context the first one. Characters beyond bytes are sent as
UTF-8; results are bytes. Dies with the reason, and the place in the script, when the operation fails.

=cut

sub call {
    my ($operation, @arguments) = @_;
    # Not "local $?": in an END block that loses the exit status.
    my $status = $?;
    local ($@, $!, $_);
    $CHANGES++ if $CHANGING{$operation};
    my @results = eval {
        local $SIG{__DIE__};
        $CALL ? $CALL->($operation, @arguments) : _ask($operation, @arguments);
    };
    my $error = $@;
    $? = $status;
    return wantarray ? @results : $results[0] unless ref $error || length $error;
    # What a signal handler of the script died of passes as it is.
    fail($$error) if ref $error eq 'esmith::backend::Failure';
    die $error if ref $error || !$CALL;
    fail($error);
}

=head2 attempt($operation, @arguments)

The same, but returns true and the results, or false and the reason.

=cut

sub attempt {
    local ($@, $SIG{__DIE__});
    my @results = eval { call(@_) };
    my $reason = $@;
    $reason =~ s/\n+\z//;
    return length $reason ? ('', $reason) : (1, @results);
}

=head2 decoded($call, @arguments)

Calls something that asks, for code whose texts are characters: they go out as UTF-8, and what is UTF-8 of the results
comes back as characters.

=cut

sub decoded {
    my ($call, @arguments) = @_;
    utf8::encode($_) for grep { defined } @arguments;
    my @results = $call->(@arguments);
    utf8::decode($_) for grep { defined } @results;
    return wantarray ? @results : $results[0];
}

=head2 fail($message), complain($message)

Die or warn with the place in the script that called one of the esmith modules.

=cut

sub fail {
    die _placed(@_);
}

sub complain {
    warn _placed(@_);
}

sub _placed {
    my ($message) = @_;
    $message =~ s/\n+\z//;
    $message = printable($message, "\n\t");
    my $depth = 1;
    $depth++ while caller($depth) && caller($depth) =~ $OURS;
    my (undef, $file, $line) = caller($depth);
    return defined $file ? "$message at $file line $line.\n" : "$message\n";
}

=head2 printable($text, $keep)

A text in which every character that is not printable is shown by its code, as C<\x1b> or C<\x{202e}>, so that a name
or an argument can neither move a terminal's cursor nor begin a line of a log. The characters of C<$keep> stay. Bytes
are read as UTF-8 and stay bytes.

=cut

sub printable {
    my ($text, $keep) = @_;
    $keep = '' unless defined $keep;
    my $bytes = !utf8::is_utf8($text);
    if ($bytes && !utf8::decode($text)) {
        $text =~ s/([^ -~])/index($keep, $1) < 0 ? sprintf('\\x%02x', ord $1) : $1/ge;
        return $text;
    }
    $text =~ s/([\p{C}\p{Z}])/index(" $keep", $1) < 0 ? _code(ord $1) : $1/ge;
    utf8::encode($text) if $bytes;
    return $text;
}

sub _code {
    my ($number) = @_;
    return sprintf $number < 256 ? '\x%02x' : '\x{%x}', $number;
}

=head2 root(), under($path)

The root folder, "" for the machine itself, and where an absolute path of the configured system is under it.

=cut

sub root {
    my $root = defined $ENV{ESMITH_ROOT} ? $ENV{ESMITH_ROOT} : '';
    $root =~ s{/+\z}{};
    return $root;
}

sub under {
    my ($path) = @_;
    return root() . $path;
}

=head2 path_of($name)

The path of a database that is given by its name or by a path, which may be relative to the current directory.

=cut

sub path_of {
    my ($name) = @_;
    return "/home/e-smith/db/$name" unless $name =~ m{/};
    return $name if $name =~ m{\A/};
    require File::Spec;
    return File::Spec->rel2abs($name);
}

sub _ask {
    my @fields = map { _bytes($_) } @_;
    my $connection = $CONNECTION;
    $CONNECTION = undef;
    $connection = _start() unless $connection && $connection->{owner} == $$;
    my $message = @fields . "\n";
    $message .= defined $_ ? length($_) . "\n$_" : "-1\n" for @fields;
    _write($connection, $message);
    my ($word, @results) = _read($connection);
    $CONNECTION = $connection;
    return @results if $word eq 'done';
    my ($reason, $place, $hint) = @results;
    $reason = "$place: $reason" if length $place;
    $reason .= " ($hint)" if length $hint;
    _refuse($reason);
}

sub _refuse {
    my ($reason) = @_;
    die bless \$reason, 'esmith::backend::Failure';
}

sub _bytes {
    my ($text) = @_;
    return undef unless defined $text;
    _refuse('a text is needed, not a reference') if ref $text && !_overloaded($text);
    $text = "$text";
    utf8::encode($text) if utf8::is_utf8($text);
    return $text;
}

sub _overloaded {
    my ($object) = @_;
    return $INC{'overload.pm'} && overload::Method($object, '""');
}

# ---------------------------------------------------------------- the helper process

sub _server {
    my $path = defined $ENV{ESMITH_PERL_SERVER} ? $ENV{ESMITH_PERL_SERVER} : under('/sbin/e-smith/esmith-perl-server');
    # A script run with -T trusts its environment no less than the shell that started it does.
    my ($trusted) = $path =~ /\A(.*)\z/s;
    return $trusted;
}

# The helper is a grandchild: the script's own wait() must not find it, nor wait for it.
sub _start {
    my $server = _server();
    my ($name) = $0 =~ /\A(.*)\z/s;
    my ($in, $to)         = _pipe();
    my ($from, $out)      = _pipe();
    my ($failed, $failing) = _pipe();
    local $SIG{CHLD} = 'DEFAULT';
    my $child = fork;
    _refuse("cannot fork: $!") unless defined $child;
    unless ($child) {
        my $grandchild = fork;
        POSIX::_exit(defined $grandchild ? 0 : 1) if !defined $grandchild || $grandchild;
        _become($server, $name, $in, $out, $failing);
    }
    close $_ for $in, $out, $failing;
    waitpid $child, 0;
    my $reason = join '', <$failed>;
    _refuse("$server cannot be started: $reason (run: esmith init)") if length $reason;
    return { owner => $$, to => $to, from => $from, buffer => '' };
}

# Both ends are above the standard handles, which the script may have closed, and are closed when a program is run.
sub _pipe {
    pipe my $reader, my $writer or _refuse("cannot make a pipe: $!");
    my @ends;
    for my $end ([$reader, '<&='], [$writer, '>&=']) {
        my $number = fcntl $end->[0], Fcntl::F_DUPFD(), 3 or _refuse("cannot move a pipe: $!");
        open my $handle, $end->[1], $number or _refuse("cannot open a pipe: $!");
        fcntl $handle, Fcntl::F_SETFD(), Fcntl::FD_CLOEXEC() or _refuse("cannot set up a pipe: $!");
        binmode $handle;
        push @ends, $handle;
    }
    return @ends;
}

sub _become {
    my ($server, $name, $in, $out, $failing) = @_;
    $SIG{$_} = 'DEFAULT' for qw(PIPE TERM HUP);
    $SIG{$_} = 'IGNORE' for qw(INT QUIT);
    POSIX::dup2(fileno $in,  0);
    POSIX::dup2(fileno $out, 1);
    local $ENV{PATH} = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' if ${^TAINT};
    delete local @ENV{qw(IFS CDPATH ENV BASH_ENV)} if ${^TAINT};
    no warnings 'exec';
    exec { $server } $server, $name;
    syswrite $failing, "$!";
    POSIX::_exit(127);
}

sub _write {
    my ($connection, $message) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $done = 0;
    while ($done < length $message) {
        my $count = syswrite $connection->{to}, $message, length($message) - $done, $done;
        next if !defined $count && $!{EINTR};
        _lost() unless defined $count;
        $done += $count;
    }
}

sub _read {
    my ($connection) = @_;
    my $count = _number($connection);
    my @fields;
    for (1 .. $count) {
        my $length = _number($connection);
        push @fields, $length < 0 ? undef : _take($connection, $length);
    }
    return @fields;
}

sub _number {
    my ($connection) = @_;
    my $end;
    _more($connection) while ($end = index $connection->{buffer}, "\n") < 0;
    # Not $1: a signal handler that comes here, too, would change it.
    my ($number) = substr($connection->{buffer}, 0, $end + 1, '') =~ /\A(-?\d{1,9})\n\z/;
    _lost() unless defined $number;
    return $number;
}

sub _take {
    my ($connection, $length) = @_;
    _more($connection) while length $connection->{buffer} < $length;
    my $bytes = substr $connection->{buffer}, 0, $length, '';
    # The original's values are not tainted, and scripts rely on that.
    ($bytes) = $bytes =~ /\A(.*)\z/s if ${^TAINT};
    return $bytes;
}

sub _more {
    my ($connection) = @_;
    while (1) {
        my $count = sysread $connection->{from}, $connection->{buffer}, 65536, length $connection->{buffer};
        next if !defined $count && $!{EINTR};
        return if $count;
        _lost();
    }
}

sub _lost {
    _refuse('the process that serves the databases has ended');
}

# An empty message lets the helper end even when a child that the script forked still has the pipe.
END {
    if ($CONNECTION && $CONNECTION->{owner} == $$) {
        my $status = $?;
        local ($@, $!);
        eval { local $SIG{__DIE__}; _write($CONNECTION, "0\n") };
        $CONNECTION = undef;
        $? = $status;
    }
}

1;
