package esmith::logrotate;

use strict;
use warnings;

use esmith::backend;

=head1 NAME

esmith::logrotate - log files that are links to files with a time in their names

=head1 DESCRIPTION

In the original the functions are in the package esmith::event, whatever the module is called; here they are in both.

=head2 NewLogFileSymlink($file)

Makes F</var/log/FILE> a link to a new name, C<FILE> and the time as YYYYMMDDhhmmss. A plain file of that name is
renamed first, to the second before.

=head2 MakeFilenameFromSymlink($path)

Where a link leads, as a path; any other path as it is.

=cut

sub NewLogFileSymlink {
    my ($file) = @_;
    return esmith::backend::complain('newlogfilesymlink called with no argument') unless defined $file;
    esmith::backend::fail('a template may not rotate a log') if $esmith::backend::CALL;
    my $path = esmith::backend::under("/var/log/$file");
    my $now = time;
    if (!-l $path && -f $path) {
        my $old = $path . _stamp($now - 1);
        rename $path, $old or esmith::backend::fail("Could not move $path to $old: $!");
    }
    if (-l $path) {
        unlink $path or esmith::backend::complain("Could not unlink $path: $!");
    }
    my $target = "/var/log/$file" . _stamp($now);
    symlink $target, $path or esmith::backend::complain("Could not symlink $target to $path: $!");
    return;
}

sub _stamp {
    my ($time) = @_;
    my ($second, $minute, $hour, $day, $month, $year) = localtime $time;
    return sprintf '%04d%02d%02d%02d%02d%02d', $year + 1900, $month + 1, $day, $hour, $minute, $second;
}

sub MakeFilenameFromSymlink {
    my ($path) = @_;
    return $path unless -l $path;
    my $target = readlink $path;
    return $target if $target =~ m{\A/};
    my ($directory) = $path =~ m{\A(.*)/};
    return defined $directory ? "$directory/$target" : $target;
}

foreach my $name (qw(NewLogFileSymlink MakeFilenameFromSymlink)) {
    no strict 'refs';
    *{"esmith::event::$name"} = \&$name;
}

1;
