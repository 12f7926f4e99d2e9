"""The environment that the engine and what it starts work in: without what makes programs load code of others.

The commands themselves start isolated (``python -I -S``). What they start, actions above all, is started with their
environment; so they clean it once, before anything else. The list is that of sudo (its ``env_delete`` and the table of
bad names in its source) and that of the C library for programs with more rights than their caller (ld.so(8)), with
the like of newer languages.
"""

from __future__ import annotations

import os

#: Read by the loader, the C library, shells and interpreters to find code, or what is as good as code.
_LISTED = """
    IFS CDPATH ENV BASH_ENV PS4 SHELLOPTS BASHOPTS GLOBIGNORE FPATH NULLCMD READNULLCMD ZDOTDIR TMPPREFIX
    GCONV_PATH GETCONF_DIR GLIBC_TUNABLES HOSTALIASES LOCALDOMAIN LOCPATH MALLOC_TRACE NIS_PATH NLSPATH PATH_LOCALE
    RES_OPTIONS RESOLV_HOST_CONF TZDIR LIBPATH SHLIB_PATH TERMCAP TERMINFO TERMINFO_DIRS TERMPATH
    PERL5LIB PERLLIB PERL5OPT PERL5DB PERL5SHELL PERLIO PERLIO_DEBUG PHPRC PHP_INI_SCAN_DIR
    CLASSPATH JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS AWKPATH AWKLIBPATH LUA_PATH LUA_CPATH LUA_INIT
    TCLLIBPATH TCL_LIBRARY GUILE_LOAD_PATH R_PROFILE R_PROFILE_USER OPENSSL_CONF OPENSSL_ENGINES OPENSSL_MODULES
    KRB5_CONFIG KRB5_KTNAME SSLKEYLOGFILE SSL_CERT_FILE SSL_CERT_DIR LESSOPEN LESSCLOSE PAGER MYSQL_HOME
    XTABLES_LIBDIR SVDIR SVWAIT ERL_LIBS ERL_FLAGS GEM_HOME GEM_PATH ESMITH_PERL_SERVER
"""
_NAMES = frozenset(_LISTED.split())
_BEGINNINGS = (
    *("LD_", "_RLD", "DYLD_", "BASH_FUNC_", "PERL_", "PYTHON", "RUBY", "NODE_"),
    *("LUA_PATH_", "LUA_CPATH_", "LUA_INIT_", "GIT_", "DBUS_", "DOTNET_", "SYSTEMD_"),
)
#: The permissions that files of actions get when these say nothing of them.
_UMASK = 0o022
#: Where programs are, whatever PATH the caller has.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: The variable that counts how many actions are above a command.
EVENT_DEPTH = "ESMITH_EVENT_DEPTH"


def layer_of_commands() -> str | None:
    """Return the layer of a fleet that a plain command writes to: "", that of each value; in an event None."""
    # What an action changes is of this machine alone. Whoever forges the variable chooses his own machine's layer.
    return None if EVENT_DEPTH in os.environ else ""


def which(name: str, path: str = PATH) -> str | None:
    """Return the program of a name, None when there is none; :mod:`shutil` imports what compresses files for that.

    :param name: of the program; with a slash in it, its path.
    :param path: the directories to look in.
    """
    places = [name] if "/" in name else [os.path.join(directory, name) for directory in path.split(":")]
    return next((place for place in places if os.path.isfile(place) and os.access(place, os.X_OK)), None)


def clean() -> None:
    """Remove from this process's environment what makes programs load code of others, and set a sane umask."""
    os.umask(_UMASK)
    cleaned = clean_environment()
    for name in [name for name in os.environ if name not in cleaned]:
        del os.environ[name]
    if cleaned.get("PATH") != os.environ.get("PATH"):
        os.environ["PATH"] = cleaned["PATH"]


def clean_environment() -> dict[str, str]:
    """Return this process's environment as the programs it starts get it: also a Python caller's is not passed on.

    In PATH only absolute directories stay: what is found in the working directory depends on where the caller is.
    """
    found = {name: value for name, value in os.environ.items() if not _is_harmful(name, value)}
    if "PATH" in found:
        absolute = [place for place in found["PATH"].split(":") if place.startswith("/")]
        found["PATH"] = ":".join(absolute) or PATH
    return found


def _is_harmful(name: str, value: str) -> bool:
    """Return whether a variable makes some program run or load what it names."""
    # Old shells import a variable with such a value as a function.
    return name in _NAMES or name.startswith(_BEGINNINGS) or value.startswith("()")
