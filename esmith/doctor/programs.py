"""Programs: perl with Text::Template, those of the services, those that check files, and Debian's packages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import NoReturn

from esmith.doctor.case import Case
from esmith.doctor.finding import FOLDER, Checking, Finding, failing, listed, ok, skipped, warning
from esmith.environment import PATH, which
from esmith.errors import TemplateError
from esmith.fragments.metadata import MetadataFiles
from esmith.fragments.original import OriginalMetadata
from esmith.fragments.tree import TemplateTree
from esmith.names import counted
from esmith.printable import shell_word
from esmith.services.program import run_for_text
from esmith.setup.machine.packages import packages_of_services

_SECONDS = 15.0
_SHOWN_VERSIONS = ("postfix", "qpsmtpd", "dovecot-core", "clamav-daemon", "spamd", "openssl", "perl")


def check_perl(_case: Case) -> Iterator[Finding]:
    """Look for perl and its Text::Template, by which fragments in Perl are expanded."""
    why = "templates with a fragment in Perl cannot be expanded, so an event that has one fails"
    if which("perl", PATH) is None:
        yield warning("perl is not installed", why, "apt-get install perl libtext-template-perl")
        return
    argv = ["perl", "-MText::Template", "-e", "print qq($] $Text::Template::VERSION)"]
    code, printed = run_for_text(argv, package="perl", timeout=_SECONDS, place="perl")
    if code != 0:
        yield warning("perl has no Text::Template", why, "apt-get install libtext-template-perl")
        return
    perl, _, module = printed.partition(" ")
    yield ok(f"perl {perl} with Text::Template {module}, Python {sys.version.partition(' ')[0]}")


def check_services(case: Case) -> Iterator[Finding]:
    """Look for the program of each enabled service."""
    if not case.layout.is_machine:
        yield skipped("programs of services", FOLDER)
        return
    missing = 0
    for service in case.running:
        program = service.program
        if program.name and not program.is_installed(case.layout):
            missing += 1
            why = program.without or f"the service {service.name} is enabled and cannot run"
            yield failing(f"{service.name}: {program.name} is not installed", why, *program.install_commands())
    if not missing:
        yield ok(f"the programs of {counted(len(case.running), 'enabled service')} are installed")


def check_packages(case: Case) -> Iterator[Finding]:
    """Look for the Debian packages that ``esmith setup`` installs for the enabled services."""
    if not case.layout.is_machine:
        yield skipped("Debian packages", FOLDER)
        return
    wanted = packages_of_services(case.running)
    if which("dpkg-query", PATH) is None:
        yield skipped("Debian packages", "this machine has no dpkg, so it is not a Debian")
        return
    form = "${Package} ${db:Status-Status} ${Version}\n"
    argv = ["dpkg-query", "--show", f"--showformat={form}", *wanted]
    _, printed = run_for_text(argv, package="dpkg", timeout=_SECONDS, place="dpkg-query")
    words = [line.split(" ") for line in printed.splitlines()]
    there = {line[0]: line[2] for line in words if len(line) == 3 and line[1] == "installed"}
    if missing := [name for name in wanted if name not in there]:
        yield failing(
            f"{counted(len(missing), 'Debian package')} of enabled services missing: {listed(missing)}",
            "what they bring is called by generated files, or a service cannot run without",
            f"apt-get install {' '.join(missing)}",
        )
    else:
        shown = [f"{name} {there[name]}" for name in _SHOWN_VERSIONS if name in there]
        yield ok(f"{len(there)} Debian packages are installed: {', '.join(shown)}")


def _no_perl() -> NoReturn:
    raise TemplateError("metadata in Perl are not looked at")


def check_checking(case: Case) -> Iterator[Finding]:
    """Look for the programs that check generated files before these are installed."""
    metadata = MetadataFiles(TemplateTree(case.layout), OriginalMetadata(case.layout, _no_perl))
    unchecked: dict[str, list[str]] = {}
    packages: dict[str, str] = {}
    read: set[str] = set()
    # What only disabled services read does no harm.
    running = {name for service in case.running for name in (service.name, service.stands_in_for)}
    count = 0
    for path, template in case.outputs.items():
        try:
            found = metadata.of(metadata.find(template))
        except TemplateError:
            continue
        check, readers = found.check, found.services or {}
        if check is None or not check.command or readers and not running.intersection(readers):
            continue
        count += 1
        if not any(which(name, PATH) for name in (check.command[0], *check.also_called)):
            unchecked.setdefault(check.command[0], []).append(path)
            packages[check.command[0]] = check.package
            read |= {check.command[0]} if readers else set()
    for program, paths in sorted(unchecked.items()):
        severity = warning if case.layout.is_machine and program in read else skipped
        yield severity(
            f"{program} is not installed: {listed(sorted(paths), 3)} {'is' if len(paths) == 1 else 'are'} not checked",
            "a mistake in such a file is found by the daemon, when it is started",
            f"apt-get install {shell_word(packages[program])}",
        )
    if not unchecked:
        yield ok(f"the programs that check {counted(count, 'generated file')} are installed")


CHECKS: dict[str, Checking] = {
    "perl": check_perl,
    "programs of services": check_services,
    "Debian packages": check_packages,
    "programs that check files": check_checking,
}
