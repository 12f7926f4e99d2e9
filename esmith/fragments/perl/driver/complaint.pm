# What warnings and exceptions of fragments say.

package esmith::driver::complaint;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(message_of);

# The message without the place in the fragment that Perl adds, and the line there.
sub message_of {
    my ($error, $path) = @_;
    my $text = text_of($error);
    my ($line) = $text =~ /\bat \Q$path\E line (\d+)/;
    $text =~ s/ at \Q$path\E line \d+(?:, <[^>\n]*> (?:line|chunk) \d+)?\.?\s*\z//;
    $text =~ s/ at \S+\/Text\/Template\.pm line \d+\.?\s*\z//;
    # What is left of them: the first is shown as the place, others are other lines.
    $text =~ s/ at \Q$path\E line \d+// if defined $line;
    $text =~ s/ at \Q$path\E line / at line /g;
    $text =~ s/\besmith::__TEMPLATE__::\d+:://g;
    return ($text, $line);
}

# What an exception says; an object may be asked only for its text, and may fail even there.
sub text_of {
    my ($error) = @_;
    return $error unless ref $error;
    my $class = ref $error;
    require Scalar::Util;
    require overload;
    if (Scalar::Util::blessed($error)) {
        my $text = eval {
            local $SIG{__DIE__};
            overload::Method($error, '""') ? "$error" : $error->can('message') ? $error->message : undef;
        };
        return "$text" if defined $text && !ref $text && $text ne '';
        return "died with an object of the class $class";
    }
    return "died with a reference to \L$class\E";
}

1;
