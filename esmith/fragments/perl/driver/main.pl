# Runs the Perl fragments of one event or command for the engine in Python (esmith/fragments/perl/engine.py), with the
# real Text::Template. It is called with the numbers of two pipes: what is to be done, and the answers.
#
# Fragments run in this process and may do what they like to it. So nothing here and in the modules beside it relies on
# $/, $\, $_, the standard handles, %SIG or the current directory.

package esmith::driver;

# Stands above everything that is "my", so that the code sees only the variables that are meant for it.
sub evaluate { return scalar eval $_[0] }

use strict;
use warnings;

use Symbol ();

BEGIN {
    my $directory = __FILE__ =~ s{[^/]*\z}{}r;
    require "$directory$_.pm" for qw(pipes process complaint missing);
    esmith::driver::pipes->import(qw(open_pipes receive answer bytes_of is_child end_child));
    esmith::driver::process->import(qw(remember_process reset_process flush_output what_is_left));
    esmith::driver::complaint->import(qw(message_of));
}

use constant MOST_WARNINGS => 100;

my (%TEMPLATES, @RUNNING, @PASSED, %READ);

# ---------------------------------------------------------------- what fragments ask of the engine

sub call {
    my ($operation, @arguments) = @_;
    local ($@, $!, $?, $_);
    die "a process that a fragment forked cannot use the databases\n" if is_child();
    # "template PATH NAME VALUE ...", or "template_in" with a number of directories and the directories before.
    my $first = $operation eq 'template' ? 1 : $operation eq 'template_in' ? $arguments[0] + 2 : undef;
    my $passed = defined $first ? { splice @arguments, $first } : undef;
    push @PASSED, $passed;
    if ($passed) {
        # What is no text stays here; a Perl fragment of that template gets it.
        push @arguments, map { ref $passed->{$_} ? () : ($_, $passed->{$_}) } sort keys %$passed;
    }
    # The databases hold characters; a text of bytes is UTF-8 already.
    utf8::is_utf8($_) && utf8::encode($_) for @arguments;
    answer('call', $operation, @arguments);
    my ($word, @answer) = serve();
    pop @PASSED;
    if ($word eq 'error') {
        die "$answer[0]\n";
    }
    return wantarray ? @answer : $answer[0];
}

# Serves requests until something comes that is none: the answer to a call.
sub serve {
    while (1) {
        my ($word, @rest) = receive();
        if    ($word eq 'template') { begin_template(@rest) }
        elsif ($word eq 'fragment') { answer(run_fragment('esmith::driver::Template', @rest)) }
        elsif ($word eq 'traced')   { answer(run_fragment('esmith::driver::TracedTemplate', @rest)) }
        elsif ($word eq 'eval')     { answer(run_expression(@rest)) }
        elsif ($word eq 'set')      { answer(set_variables(@rest)) }
        elsif ($word eq 'miss')     { answer(miss(@rest)) }
        elsif ($word eq 'parse')    { answer(parse(@rest)) }
        elsif ($word eq 'globals')  { answer(globals(@rest)) }
        elsif ($word eq 'forget')   { forget_template(@rest) }
        else                        { return ($word, @rest) }
    }
}

# ---------------------------------------------------------------- templates

# $nested: it is expanded for a fragment that is running. $event: the name of the event, undef outside of one.
# Then the records of the configuration database, and variables besides (engine.py).
sub begin_template {
    my ($id, $nested, $event, $fields, @rest) = @_;
    unless (@RUNNING) {
        reset_process();
        no warnings 'once';
        %esmith::backend::CREATED = ();
    }
    my (%hashes, %raw);
    my @records = splice @rest, 0, $fields;
    while (@records) {
        my ($key, $count) = splice @records, 0, 2;
        my ($type, @props) = splice @records, 0, $count;
        $raw{$key} = esmith::config::line($type, @props);
        next unless @props;
        tie my %record, 'esmith::driver::Record', 'configuration', $key, { type => $type, @props };
        $hashes{$key} = \%record;
    }
    my %more = $nested && $PASSED[-1] ? %{ $PASSED[-1] } : ();
    while (@rest) {
        my $name = shift @rest;
        $more{$name} = typed_value(\@rest);
    }
    my %engine = defined $event ? (EVENT => $event) : ();
    my $package = "esmith::__TEMPLATE__::$id";
    $TEMPLATES{$id} = { package => $package, hashes => \%hashes, raw => \%raw, layers => [ \%engine, \%more ] };
}

# A value of MORE_DATA: a text, nothing, a list, a hash or a record.
sub typed_value {
    my ($rest) = @_;
    my $kind = shift @$rest;
    return shift @$rest if $kind eq 'text';
    return undef        if $kind eq 'undef';
    if ($kind eq 'list') {
        return [ map { typed_value($rest) } 1 .. shift @$rest ];
    }
    if ($kind eq 'hash') {
        return { map { (shift @$rest, typed_value($rest)) } 1 .. shift @$rest };
    }
    my ($database, $key, $count) = splice @$rest, 0, 3;
    my ($type, @props) = splice @$rest, 0, $count;
    tie my %record, 'esmith::driver::Record', $database, $key, { type => $type, @props, key => $key };
    return \%record;
}

# The variables of one fragment. The original, too, gives each fragment new scalars.
sub variables {
    my ($template) = @_;
    prepare($template) unless $template->{ready}++;
    my %scalars;
    for my $key (keys %{ $template->{raw} }) {
        tie my $scalar, 'esmith::driver::Scalar', $key, $template->{raw}{$key};
        $scalars{$key} = \$scalar;
    }
    return [ $template->{hashes}, \%scalars, @{ $template->{layers} } ];
}

# What every template has besides records. It asks the engine, which listens only while a fragment runs.
sub prepare {
    my ($template) = @_;
    my $db = esmith::ConfigDB->open;
    tie my %config, 'esmith::config';
    my $confref = \%config;
    $template->{layers}[0]{DB} = \$db if $db;
    $template->{layers}[0]{confref} = \$confref;
    evaluate("package $template->{package}; use esmith::db; use esmith::util;");
}

# Compiles a fragment; where that fails the message and the line follow undef.
sub compiled {
    my ($text, $class) = @_;
    $class ||= 'esmith::driver::Template';
    my $compiled = $class->new(TYPE => 'STRING', SOURCE => $text);
    return $compiled if $compiled->compile;
    my ($line) = $Text::Template::ERROR =~ /at line (\d+)/;
    return (undef, $Text::Template::ERROR, $line);
}

# $class: of the object that takes the parts of its text.
sub run_fragment {
    my ($class, $id, $path, $text) = @_;
    my $template = $TEMPLATES{$id};
    my $name = name_of($path);
    return guarded(
        $name,
        sub {
            my ($compiled, @trouble) = compiled($text, $class);
            return (undef, @trouble) unless $compiled;
            my ($error, $line);
            my $broken = sub {
                my %about = @_;
                ($error, $line) = @about{qw(error lineno)};
                return undef;
            };
            $compiled->{ESMITH_PARTS} = [];
            $compiled->fill_in(
                HASH     => variables($template),
                PACKAGE  => $template->{package},
                BROKEN   => $broken,
                FILENAME => $name,
            );
            return (join('', map { bytes_of($_) } @{ $compiled->{ESMITH_PARTS} }), $error, $line);
        }
    );
}

# An expression of metadata or the like, with variables in a package of its own.
sub run_expression {
    my ($id, $place, $expression) = @_;
    my $template = $TEMPLATES{$id};
    my $name = name_of($place);
    return guarded(
        $name,
        sub {
            Text::Template::_install_hash(variables($template), $template->{package});
            my $value = evaluate("package $template->{package}; no strict; no warnings;\n#line 1 $name\n$expression");
            my $error = $@;
            return ($value, $error eq '' ? undef : $error, 1);
        }
    );
}

# Sets the variables that a template offers to its fragments, each with code of its own.
sub set_variables {
    my ($id, $place, @code) = @_;
    my $template = $TEMPLATES{$id};
    my $name = name_of($place);
    return guarded(
        $name,
        sub {
            Text::Template::_install_hash(variables($template), $template->{package});
            for my $code (@code) {
                evaluate("package $template->{package}; no strict; no warnings;\n$code\n1");
                return (undef, $@, undef) if $@ ne '';
            }
            return ('', undef, undef);
        }
    );
}

# Has the variables that nobody sets die when they are read.
sub miss {
    my ($id, @names) = @_;
    esmith::driver::missing::watch($TEMPLATES{$id}{package}, $_) for @names;
    return ('done', '', undef, 0);
}

# Has a sub look at each block of a fragment: it gets the code, the rest of a sub, and the line, and returns the trouble.
# Without any the answer is the text that $found gives.
sub each_block {
    my ($path, $text, $look, $found) = @_;
    my $name = name_of($path);
    return guarded(
        $name,
        sub {
            my ($compiled, @trouble) = compiled($text);
            return (undef, @trouble) unless $compiled;
            for my $part (@{ $compiled->{SOURCE} }) {
                my ($kind, $code, $line) = @$part;
                next unless $kind eq 'PROG';
                my $error = $look->("\n#line $line $name\n$code\n}");
                return (undef, $error, $line) if $error ne '';
            }
            return ($found->(), undef, undef);
        }
    );
}

# Compiles the blocks of a fragment, each by itself, without running them; "use" is done, as by perl -c.
sub parse {
    my ($id, $path, $text) = @_;
    my $begin = "package $TEMPLATES{$id}{package}; no strict; no warnings; my \$OUT; sub {";
    return each_block($path, $text, sub { evaluate($begin . $_[0]); return $@ }, sub { '' });
}

# The variables of the package that the blocks of a fragment use, a line each.
# Perl itself finds them; it stops after ten, so those that are known are declared and it is asked again.
sub globals {
    my ($id, $path, $text) = @_;
    my %found;
    my $look = sub {
        my ($block) = @_;
        my (%known, $more);
        do {
            my $declared = join '', map { "our $_;" } sort keys %known;
            evaluate("package $TEMPLATES{$id}{package}; use strict 'vars'; no warnings; $declared sub {$block");
            $more = 0;
            while ($@ =~ /Global symbol "([\$\@%]\w+)" requires explicit package name/g) {
                $more = 1 unless $known{$1}++;
            }
        } while $more;
        %found = (%found, %known);
        return '';
    };
    return each_block($path, $text, $look, sub { join "\n", sort keys %found });
}

# The name of a file as a "#line" can hold it: it ends at a quote or a newline.
sub name_of {
    my ($path) = @_;
    $path =~ tr/"\n/__/;
    return $path;
}

# Runs code of an administrator and returns the answer: "done" with its text, or "broken" with message and line; the
# number of warnings and the warnings; what was read, as database, key and property each.
sub guarded {
    my ($path, $run) = @_;
    my @warnings;
    my $died_at;
    push @RUNNING, $path;
    my ($text, $error, $line);
    {
        local $SIG{__WARN__} = sub {
            return if @warnings > MOST_WARNINGS;
            push @warnings, @warnings == MOST_WARNINGS ? ':and more' : place_first($path, $_[0]);
        };
        # Only looks where in the fragment it was; a module may die far from it.
        local $SIG{__DIE__} = sub { $died_at = line_in($path) };
        my $done = eval { ($text, $error, $line) = $run->(); 1 };
        # An object as an exception may die even when Text::Template asks whether there is one.
        $error = ref $@ || $@ ne '' ? $@ : 'died' unless $done;
    }
    pop @RUNNING;
    end_child();
    flush_output();
    $error = what_is_left() unless @RUNNING || defined $error;
    my $complaint = esmith::driver::missing::complaint();
    $error = $complaint unless defined $error;
    my @answer = ('done', $text, undef);
    if (defined $error) {
        my ($message, $found) = message_of($error, $path);
        @answer = ('broken', $message, $found || $died_at || $line);
    }
    return (@answer, scalar @warnings, @warnings, what_was_read());
}

# The variables that were read since the last call: database, key and property of each.
sub what_was_read {
    my @read = map { split /\0/, $_, 3 } sort keys %READ;
    %READ = ();
    return @read;
}

# Reports a part of a fragment to the engine, a text or a block: the kind, its first line and its last, and what it gave.
# What was read since the last part was read for this one.
sub report_part {
    my ($part, $given) = @_;
    return if is_child();
    my ($kind, $source, $line) = @$part;
    my $more = $source =~ tr/\n//;
    # Text::Template counts a text by its last line, a block by its first.
    my ($first, $last) = $kind eq 'TEXT' ? ($line - $more, $line) : ($line, $line + $more);
    call('part', $kind, $first, $last, $given, what_was_read());
}

sub line_in {
    my ($path) = @_;
    for (my $depth = 0; my @frame = caller $depth; $depth++) {
        return $frame[2] if $frame[1] eq $path;
    }
    return undef;
}

# A warning as "line: text", the line empty when it is not known.
sub place_first {
    my ($path, $text) = @_;
    my ($message, $line) = message_of($text, $path);
    $line ||= line_in($path) || '';
    return "$line:$message";
}

sub forget_template {
    my ($id) = @_;
    my $template = delete $TEMPLATES{$id} or return;
    Symbol::delete_package($template->{package});
}

sub start {
    open_pipes(@_);
    remember_process();
    unless (eval { require Text::Template; 1 }) {
        answer('missing', 'Text::Template', "$@");
        exit 1;
    }
    @esmith::driver::Template::ISA = ('Text::Template');
    @esmith::driver::TracedTemplate::ISA = ('esmith::driver::Template');
    require esmith::ConfigDB;
    require esmith::util;
    require esmith::templates;
    no warnings 'once';
    $esmith::backend::CALL = \&call;
    answer('ready');
    my ($word) = serve();
    die "unknown request $word";
}

# ---------------------------------------------------------------- classes

package esmith::driver::Template;

# Text::Template prints or joins the parts; here each is turned into bytes by itself, as printing to a file does.
sub append_text_to_output {
    my ($self, %about) = @_;
    push @{ $self->{ESMITH_PARTS} }, $about{text};
    return;
}

# Also reports to the engine what each part gave.
package esmith::driver::TracedTemplate;

sub append_text_to_output {
    my ($self, %about) = @_;
    my $given = esmith::driver::bytes_of($about{text});
    push @{ $self->{ESMITH_PARTS} }, $given;
    esmith::driver::report_part($self->{SOURCE}[ $#{ $self->{ESMITH_PARTS} } ], $given);
    return;
}

# The properties of a record: a hash like any other that notes what is read.
package esmith::driver::Record;

sub TIEHASH {
    my ($class, $database, $key, $values) = @_;
    return bless { values => $values, place => "$database\0$key\0" }, $class;
}
sub FETCH    { $READ{ $_[0]{place} . $_[1] } = 1; return $_[0]{values}{ $_[1] } }
sub STORE    { $_[0]{values}{ $_[1] } = $_[2] }
sub EXISTS   { $READ{ $_[0]{place} . $_[1] } = 1; return exists $_[0]{values}{ $_[1] } }
sub DELETE   { $READ{ $_[0]{place} . $_[1] } = 1; return delete $_[0]{values}{ $_[1] } }
sub CLEAR    { %{ $_[0]{values} } = () }
sub SCALAR   { $READ{ $_[0]{place} . '*' } = 1; return scalar %{ $_[0]{values} } }
sub NEXTKEY  { return each %{ $_[0]{values} } }
sub FIRSTKEY {
    $READ{ $_[0]{place} . '*' } = 1;
    keys %{ $_[0]{values} };
    return each %{ $_[0]{values} };
}

# The line of a record.
package esmith::driver::Scalar;

sub TIESCALAR { my ($class, $key, $value) = @_; return bless { key => $key, value => $value }, $class }
sub FETCH     { $READ{"configuration\0$_[0]{key}\0*"} = 1; return $_[0]{value} }
sub STORE     { $_[0]{value} = $_[1] }

package esmith::driver;

start(@ARGV);
