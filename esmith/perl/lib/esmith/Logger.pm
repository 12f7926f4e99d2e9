package esmith::Logger;

use strict;
use warnings;

use esmith::backend;

=head1 NAME

esmith::Logger - a file handle that writes to the log

=head1 SYNOPSIS

    use esmith::Logger;
    tie *LOG, 'esmith::Logger', 'mycontrib';
    print LOG 'something happened';

=head1 DESCRIPTION

On the machine itself that is syslog, facility local1; under another root, the log of the events.

=cut

sub TIEHANDLE {
    my ($class, $title) = @_;
    return bless { title => defined $title ? $title : 'e-smith' }, $class;
}

sub PRINT {
    my ($self, @texts) = @_;
    return $self->_log(join '', @texts);
}

sub PRINTF {
    my ($self, $format, @values) = @_;
    return $self->_log(sprintf $format, @values);
}

sub CLOSE {
    return 1;
}

foreach my $name (qw(READ READLINE GETC WRITE)) {
    no strict 'refs';
    *$name = sub { esmith::backend::fail("a log cannot do $name") };
}

sub _log {
    my ($self, $text) = @_;
    $text =~ s/\n\z//;
    # One entry, whatever is in it: what comes after a newline must not look like another one.
    $text = esmith::backend::printable($text);
    utf8::encode($text) if utf8::is_utf8($text);
    if (!length esmith::backend::root()) {
        require Sys::Syslog;
        Sys::Syslog::openlog($self->{title}, 'pid,nofatal', 'local1');
        Sys::Syslog::syslog('info', '%s', $text);
        Sys::Syslog::closelog();
        return 1;
    }
    my $directory = esmith::backend::under('/var/log/e-smith');
    require File::Path;
    File::Path::make_path($directory);
    open my $log, '>>', "$directory/events.log" or return 0;
    local ($\, $,);
    print {$log} scalar localtime, " $self->{title}\[$$\]: $text\n";
    return close $log;
}

1;
