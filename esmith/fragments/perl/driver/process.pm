# What fragments may do to the process itself, and how it is put right again.

package esmith::driver::process;

use strict;
use warnings;

use Exporter 'import';
use Fcntl ();
use IO::Handle ();
use POSIX ();

our @EXPORT_OK = qw(remember_process reset_process flush_output what_is_left);

# How long a process that a fragment started may take to end, in seconds, and how often it is looked at.
use constant PATIENCE => 1;
use constant PAUSE    => 0.01;

my ($STANDARD_OUTPUT, $STANDARD_ERROR);
my (%ENVIRONMENT, %SIGNALS, @INCLUDED, $NAME, $UMASK);

# Called once, before the first fragment.
sub remember_process {
    open $STANDARD_OUTPUT, '>&', \*STDOUT or die "no output: $!";
    open $STANDARD_ERROR,  '>&', \*STDERR or die "no output: $!";
    for my $handle ($STANDARD_OUTPUT, $STANDARD_ERROR) {
        fcntl $handle, Fcntl::F_SETFD(), Fcntl::FD_CLOEXEC() or die "close on exec: $!";
        binmode $handle;
    }
    $UMASK = umask;
    ($NAME, %ENVIRONMENT) = ('/sbin/e-smith/expand-template', %ENV);
    @INCLUDED = @INC;
    %SIGNALS = map { defined $SIG{$_} ? ($_ => $SIG{$_}) : () } keys %SIG;
}

# What a fragment of one output did to the process is not seen by those of the next.
sub reset_process {
    %ENV = %ENVIRONMENT;
    @INC = @INCLUDED;
    for my $signal (grep { defined $SIG{$_} || defined $SIGNALS{$_} } keys %SIG) {
        if (defined $SIGNALS{$signal}) { $SIG{$signal} = $SIGNALS{$signal} }
        else                           { delete $SIG{$signal} }
    }
    no warnings;
    ($/, $\, $,, $", $;, $0, $^W) = ("\n", undef, undef, ' ', "\034", $NAME, 0);
    alarm 0;
    umask $UMASK;
    chdir '/';
    open STDOUT, '>&', $STANDARD_OUTPUT;
    open STDERR, '>&', $STANDARD_ERROR;
    select STDOUT;
    $| = 0;
}

sub flush_output {
    local ($@, $!);
    eval { local $SIG{__DIE__}; local $SIG{__WARN__} = sub { }; STDOUT->flush; STDERR->flush };
}

# What is wrong with the processes the fragment started: one that goes on would write what its parent writes once more,
# or outlive the event. Those that are about to end are waited for, and none is reaped: that is for the fragment.
sub what_is_left {
    my $rounds = PATIENCE / PAUSE;
    my @alive;
    while ((@alive = living_children()) && $rounds-- > 0) {
        select undef, undef, undef, PAUSE;
    }
    return "forks, and the other process goes on as well\nend it in the block, e.g. with POSIX::_exit(0)" 
        if esmith::driver::pipes::has_strays();
    return "leaves a process running ($alive[0])\nwait for it in the block, or end it there" if @alive;
    return undef;
}

sub living_children {
    # A fragment may have closed STDOUT, whose number the list gets then.
    no warnings 'io';
    my $pid = POSIX::getpid();
    open my $list, '<', "/proc/$pid/task/$pid/children" or return;
    local $/ = "\n";
    my @alive;
    for my $child (split ' ', scalar(<$list>) // '') {
        open my $file, '<', "/proc/$child/stat" or next;
        my ($name, $state) = (<$file> // '') =~ /\((.*)\) (\S)/ or next;
        push @alive, $name unless $state =~ /[ZX]/;
    }
    return @alive;
}

1;
