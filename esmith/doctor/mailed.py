"""Mail to admin about findings that are new: each once, and again when it was gone meanwhile.

What was mailed is in ``/var/lib/e-smith/doctor``, a JSON object that names the findings of each check. A file that is
damaged counts as none, so that all is mailed once more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from esmith.disk import read_file
from esmith.doctor.case import Case
from esmith.doctor.examine import Examination
from esmith.doctor.finding import FAILING, WARNING, Finding, Result
from esmith.errors import ServiceError
from esmith.layout import Layout
from esmith.names import counted, in_dns
from esmith.plan.host import DiskHost
from esmith.printable import printable
from esmith.services.program import run_for_text

RECEIVER = "admin"
#: What hands mail to the queue, whichever it is (sendmail(1)).
_SENDMAIL = ("/usr/sbin/sendmail", "/usr/lib/sendmail", "/var/qmail/bin/sendmail")
_SECONDS = 60.0
_BAD = (FAILING, WARNING)
_MODE = 0o600

_Mailed = dict[str, list[str]]


def state_file(layout: Layout) -> str:
    """Return the file that says what was mailed, as a path of this disk."""
    return os.path.join(layout.state, "doctor")


def mail_new(case: Case, examination: Examination) -> int:
    """Mail the findings that were not mailed before, and remember them; return how many these are.

    What an earlier run mailed stays mailed where the check could not look this time.

    :raises UntrustedError: when the file is not in the hands of its owners alone.
    :raises ServiceError: when there is no program to hand mail to, or it fails. They are mailed by the next run then.
    :raises InstallError: when what was mailed cannot be written.
    """
    layout = case.layout
    layout.trust.require(state_file(layout))
    before = _read(state_file(layout))
    new = [
        (result.check.area, finding)
        for result in examination.results
        for finding in _bad(result)
        if finding.key not in before.get(_name(result), ())
    ]
    if new:
        _send(layout, _letter(case, new))
    after = dict(before)
    for result in examination.results:
        kept = before.get(_name(result), []) if not result.is_whole else []
        after[_name(result)] = sorted({*kept, *(finding.key for finding in _bad(result))})
    after = {name: keys for name, keys in sorted(after.items()) if keys}
    if after != before:
        _write(layout, after)
    return len(new)


def _name(result: Result) -> str:
    return f"{result.check.area}/{result.check.name}"


def _bad(result: Result) -> list[Finding]:
    return [finding for finding in result.findings if finding.severity in _BAD]


def _read(file: str) -> _Mailed:
    try:
        data = json.loads(read_file(file))
    except (OSError, ValueError):
        return {}
    if not isinstance(data, dict) or not all(isinstance(keys, list) for keys in data.values()):
        return {}
    return {name: [key for key in keys if isinstance(key, str)] for name, keys in data.items()}


def _write(layout: Layout, mailed: _Mailed) -> None:
    file, host = state_file(layout), DiskHost(layout)
    try:
        host.install(host.stage(file, f"{json.dumps(mailed, indent=1)}\n".encode(), _MODE, None))
        host.sync({os.path.dirname(file)})
    finally:
        host.close()


def finding_lines(finding: Finding, *, indent: str = "  ") -> list[str]:
    """Return the lines that show a finding to people."""
    lines = [f"{indent}{finding.severity}: {finding.what}"]
    lines += [f"{indent}  {finding.why}"] if finding.why else []
    if finding.cure:
        lines += [f"{indent}  to cure it:", *(f"{indent}    {command}" for command in finding.cure)]
    return lines


def _letter(case: Case, new: Sequence[tuple[str, Finding]]) -> bytes:
    name, domain = case.value("SystemName") or "mail", in_dns(case.value("DomainName"))
    host = f"{name}.{domain}" if domain else name
    letter = EmailMessage(policy=SMTP)
    letter["From"] = f"{RECEIVER}@{domain}" if domain else RECEIVER
    letter["To"] = f"{RECEIVER}@{domain}" if domain else RECEIVER
    letter["Subject"] = printable(f"{host}: {counted(len(new), 'new finding')} of esmith doctor")
    letter["Date"] = formatdate(case.now, localtime=True)
    # No program that answers mail by itself answers it (RFC 3834).
    letter["Auto-Submitted"] = "auto-generated"
    lines: list[str] = []
    last = ""
    for area, finding in new:
        lines += [] if area == last else [*([""] if lines else []), area]
        last = area
        lines += finding_lines(finding)
    end = ["", "All that is found now: esmith doctor", "No more such mail: config setprop doctor status disabled", ""]
    letter.set_content("\n".join([*(printable(line) for line in lines), *end]), cte="8bit")
    return letter.as_bytes()


def _send(layout: Layout, letter: bytes) -> None:
    program = next((path for path in map(layout.under, _SENDMAIL) if os.access(path, os.X_OK)), "")
    if not program:
        raise ServiceError("no program takes mail", place=_SENDMAIL[0], hint="install a queue: apt-get install postfix")
    layout.trust.require(program)
    argv = [program, "-i", RECEIVER]
    code, printed = run_for_text(argv, package="postfix", timeout=_SECONDS, place=program, given=letter)
    if code != 0:
        shown = " ".join(printed.split())[:300]
        raise ServiceError(
            f"the findings could not be mailed: {shown or f'exit status {code}'}",
            place=program,
            hint="see them: esmith doctor",
        )
