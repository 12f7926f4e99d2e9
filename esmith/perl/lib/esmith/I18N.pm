package esmith::I18N;

use strict;
use warnings;

use esmith::backend;
use esmith::ConfigDB;

=head1 NAME

esmith::I18N - languages and locales

=head1 SYNOPSIS

    use esmith::I18N;
    my $i18n = esmith::I18N->new;
    my $language = $i18n->preferredLanguage;

=head1 DESCRIPTION

A locale is called as C<en_US>, a language as C<en-us>.

=head2 new

Returns an object for the methods below, which keep nothing in it.

=head2 availableLocales, availableLanguages

The locales that have texts for C<server-console> in F</usr/share/locale> (or ESMITH_I18N_USRSHARELOCALE), and the
languages in F</etc/e-smith/locale> (or ESMITH_I18N_ESMITHLOCALEDIR).

=head2 fallbackLocale, fallbackLanguage

C<en_US.utf8> and C<en-us>.

=head2 preferredLocale, preferredLanguage($wanted)

The locale of the record C<sysconfig>. The first available language of a list as browsers send it
(C<de, fr-ca;q=0.8>), by default HTTP_ACCEPT_LANGUAGE; where there is none, the fallback.

=head2 langtag2locale($text)

The locale of a language, C<en_AU> for C<en-au>, C<fr_CA> for C<fr>; what is no language as it is.

=head2 setLocale($domain, $language)

Sets the locale of the process, and the domain of gettext; needs the Debian package liblocale-gettext-perl. Without a
language the preferred locale is set.

=cut

# The country that is meant when a language is named alone.
my %COUNTRY = (
    da => 'DK', de => 'DE', el => 'GR', en => 'US', es => 'ES', fr => 'CA', hu => 'HU', id => 'ID', it => 'IT',
    nl => 'NL', pt => 'BR', sl => 'SL', sv => 'SE',
);

sub new {
    my ($class) = @_;
    return bless {}, ref $class || $class;
}

sub availableLocales {
    my $directory = $ENV{ESMITH_I18N_USRSHARELOCALE} || esmith::backend::under('/usr/share/locale');
    return grep {
        my $base = "$directory/$_/LC_MESSAGES/server-console";
        -f "$base.mo" || -f "$base.po"
    } _names($directory);
}

sub availableLanguages {
    return _names($ENV{ESMITH_I18N_ESMITHLOCALEDIR} || esmith::backend::under('/etc/e-smith/locale'));
}

sub _names {
    my ($directory) = @_;
    opendir my $handle, $directory or return ();
    return sort grep { !/\./ } readdir $handle;
}

sub fallbackLocale   { return 'en_US.utf8' }
sub fallbackLanguage { return 'en-us' }

sub preferredLocale {
    my ($self) = @_;
    my $db = esmith::ConfigDB->open_ro or return $self->fallbackLocale;
    my ($locale) = $db->getLocale;
    return $locale || $self->fallbackLocale;
}

sub preferredLanguage {
    my ($self, $wanted) = @_;
    $wanted ||= $ENV{HTTP_ACCEPT_LANGUAGE} || $self->fallbackLanguage;
    my %available = map { (lc($_) =~ tr/_/-/r => $_) } $self->availableLanguages;
    my @ranked;
    foreach my $item (split /\s*,\s*/, $wanted) {
        my ($language, $quality) = $item =~ /\A\s*([\w-]+)(?:\s*;\s*q=([\d.]+))?/i or next;
        push @ranked, [lc($language) =~ tr/_/-/r, defined $quality ? $quality : 1];
    }
    # A stable sort: among equals the first one counts.
    foreach my $language (map { $_->[0] } sort { $b->[1] <=> $a->[1] } @ranked) {
        my ($family) = split /-/, $language;
        return $available{$_} for grep { exists $available{$_} } $language, $family;
    }
    return $self->fallbackLanguage;
}

sub langtag2locale {
    my ($self, $text) = @_;
    return $text unless defined $text && $text =~ /\A([a-z]{2})(?:-([a-z]{2}))?\z/i;
    my ($language, $country) = (lc $1, $2);
    $country = $COUNTRY{$language} unless defined $country;
    return defined $country ? $language . '_' . uc $country : $self->fallbackLocale;
}

sub setLocale {
    my ($self, $domain, $language) = @_;
    require POSIX;
    unless (eval { local $SIG{__DIE__}; require Locale::gettext; 1 }) {
        esmith::backend::fail('setLocale needs Locale::gettext: apt-get install liblocale-gettext-perl');
    }
    my $locale = ($language && $self->langtag2locale($language)) || $self->preferredLocale;
    $locale =~ s/(?:\..*)?\z/.utf8/s;
    @ENV{qw(LANGUAGE LANG)} = ($locale) x 2;
    POSIX::setlocale(POSIX::LC_ALL(), $locale);
    Locale::gettext::bindtextdomain($domain, '/usr/share/locale');
    return Locale::gettext::textdomain($domain);
}

1;
