"""Delivers one mail behind Postfix as the .qmail file of the account says: dot-qmail(5), qmail-local(8).

local(8) runs ``dot-qmail``, which runs this, as the account: by ``mailbox_command``, with the mail on the standard
input and what it knows about it in the environment. Exit code 0: all instructions are carried out, and what went into a
mailbox is on the disk. 69: the mail is to be sent back. 75: it has to wait. The report on the standard output begins
with a status of RFC 3463, which local(8) takes.

It runs for each mail, so it imports only what Python has loaded or built in. It may do no more than the account may.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: Where condredirect, forward and their like are. Not qmail's own: those would fill a queue that nobody works on.
PROGRAMS = "/usr/share/e-smith/qmail/plugins"
#: What qmail-start is given: where mail goes without instructions.
DEFAULT_DELIVERY = b"./Maildir/"
#: The exit codes for what is not delivered: EX_TEMPFAIL and EX_UNAVAILABLE of sysexits.h.
LATER, REFUSED = 75, 69
#: In bytes: what is read and written at once, the longest .qmail file, and how much of a report is passed on.
BLOCK, LONGEST_FILE, LONGEST_REPORT = 1 << 16, 1 << 20, 2000
#: Exit codes of programs that send the mail back (qmail-command(8)), and the one that ends the delivery.
REFUSALS, END = frozenset({64, 65, 70, 76, 77, 78, 100, 112}), 99
#: What qmail-local forbids by default (conf-patrn): others may not write. In a sticky home the user edits his files.
WRITABLE, STICKY = 0o002, 0o1000
#: A .qmail file with this mode may only forward.
ONLY_FORWARDS = 0o100
#: The errors of open(2) for a file that is not there, or cannot be.
ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO})
SIGPIPE = 13
#: What local(8) puts before the mail, in its order.
ADDED = (b"From ", b"Return-Path: ", b"X-Original-To: ", b"Delivered-To: ")


class DeliveryError(Exception):
    """The mail is not delivered.

    :param report: the status of RFC 3463 and the reason, for the sender or for the log.
    :param code: the exit code.
    """

    def __init__(self, report: str, code: int = LATER) -> None:
        super().__init__(report)
        self.code = code


class Letter:
    """The mail.

    :param source: a descriptor from which all of it is read, as local(8) writes it.
    :ivar file: a descriptor of a file without a name that holds the mail without what local(8) added.
    :ivar added: the lines that local(8) added, by their beginnings.
    :raises DeliveryError: when a line that is needed is not among them.
    """

    def __init__(self, source: int) -> None:
        file = _nameless()
        data = _block(source)
        self.added: dict[bytes, bytes] = {}
        for start in ADDED:
            if data.startswith(start):
                line, newline, data = data.partition(b"\n")
                self.added[start] = line + newline
        if not {b"Return-Path: ", b"Delivered-To: "} <= self.added.keys():
            raise DeliveryError("4.3.5 Return-Path or Delivered-To is missing: see prepend_delivered_header")
        while data:
            _write(file, data)
            data = _block(source)
        # A program that gets it may read only.
        self.file = os.open(f"/proc/self/fd/{file}", os.O_RDONLY)
        os.close(file)

    @property
    def sender(self) -> bytes:
        """The sender of the envelope. SENDER of local(8) has _ for some characters, so it is taken from Return-Path."""
        address = self.added[b"Return-Path: "][len(b"Return-Path: ") :].strip()[1:-1]
        if address.startswith(b'"'):
            quoted, _, domain = address[1:].rpartition(b'"')
            parts = quoted.split(b"\\\\")
            address = b"\\".join(part.replace(b"\\", b"") for part in parts) + domain
        return address

    def blocks(self) -> Iterator[bytes]:
        """Yield the mail, without what local(8) added."""
        os.lseek(self.file, 0, os.SEEK_SET)
        while block := os.read(self.file, BLOCK):
            yield block


class Account:
    """Whose mail it is, from the environment that local(8) makes; the working directory becomes the home.

    :raises DeliveryError: when mail has to wait for the home.
    """

    def __init__(self, environment: dict[bytes, bytes]) -> None:
        self.given = environment
        self.extension = environment.get(b"EXTENSION", b"")
        self.user = environment.get(b"USER") or environment[b"LOGNAME"]
        self.home = environment[b"HOME"]
        os.chdir(self.home)
        mode = os.stat(".").st_mode
        if mode & WRITABLE:
            raise DeliveryError(f"4.7.0 {os.fsdecode(self.home)} is writable for others")
        if mode & STICKY:
            raise DeliveryError(f"4.2.1 {os.fsdecode(self.home)} is sticky: the user is editing his .qmail file")

    def instructions(self) -> tuple[bytes, int, bytes | None]:
        """Return the text of the .qmail file, its mode, and what "default" in its name stands for, None without that.

        :raises DeliveryError: when the account has none for this extension, or one that may not be believed.
        """
        if not self.extension:
            return *(_read(b".qmail") or (b"", 0)), None
        name = _safe(self.extension)
        if found := _read(b".qmail-" + name):
            return *found, self.extension[-7:] if name.endswith(b"default") else None
        for end in range(len(name), -1, -1):
            if (end == 0 or name[end - 1 : end] == b"-") and (found := _read(b".qmail-" + name[:end] + b"default")):
                return *found, self.extension[end:]
        raise DeliveryError("5.1.1 there is no mailbox of this name", REFUSED)

    def environment(self, letter: Letter, default: bytes | None) -> dict[bytes, bytes]:
        """Return the environment of programs: qmail-command(8)."""
        local = self.user + (b"-" + self.extension if self.extension else b"")
        if self.user == b"alias":  # as qmail has it for what ~alias delivers
            local = self.extension or self.user
        host = self.given.get(b"DOMAIN") or b"localhost"
        made = {
            b"USER": self.user,
            b"HOME": self.home,
            b"LOCAL": local,
            b"HOST": host,
            b"RECIPIENT": local + b"@" + host,
            b"EXT": self.extension,
            b"SENDER": letter.sender,
            b"NEWSENDER": self._new_sender(letter.sender, local + b"@" + host),
            b"UFLINE": letter.added.get(b"From ", b""),
            b"RPLINE": letter.added[b"Return-Path: "],
            b"DTLINE": letter.added[b"Delivered-To: "],
            b"PATH": PROGRAMS.encode() + b":" + self.given.get(b"PATH", b"/usr/bin:/bin") + b":/usr/sbin:/sbin",
        }
        if default is not None:
            made[b"DEFAULT"] = default
        extension = self.extension
        for number in (b"2", b"3", b"4"):
            extension, host = extension.partition(b"-")[2], host.rpartition(b".")[0]
            made |= {b"EXT" + number: extension, b"HOST" + number: host}
        return {**self.given, **made}

    def _new_sender(self, sender: bytes, recipient: bytes) -> bytes:
        """Return the sender of what is forwarded: a mailing list has a file for its owner."""
        owner = b".qmail" + (b"-" + _safe(self.extension) if self.extension else b"") + b"-owner"
        if not sender or not os.path.exists(owner):
            return sender
        # localhost means nothing to those the mail goes to.
        local, _, host = (self.given.get(b"ORIGINAL_RECIPIENT") or recipient).rpartition(b"@")
        if os.path.exists(owner + b"-default"):
            return local + b"-owner-@" + host + b"-@[]"
        return local + b"-owner@" + host


class Delivery:
    """The instructions of one .qmail file, carried out for one mail."""

    def __init__(self, account: Account, letter: Letter) -> None:
        self._letter = letter
        self._text, self._mode, default = account.instructions()
        self._environment = account.environment(letter, default)
        self._report = _nameless()
        self._count = 0

    def run(self) -> None:
        """Carry them out in their order, forwards last, as qmail-local does.

        :raises DeliveryError: for what fails; the instructions after it are not carried out, and nothing is forwarded.
        """
        forwards = []
        only_forwards = bool(self._text and self._mode & ONLY_FORWARDS)
        lines = (self._text or DEFAULT_DELIVERY).split(b"\n")
        if not lines[0].rstrip(b" \t"):
            raise DeliveryError("4.2.1 the first line of the .qmail file is empty")
        for raw in lines:
            line = raw.partition(b"\0")[0].rstrip(b" \t")
            if not line or line[:1] == b"#":
                continue
            if line[:1] == b"+":
                only_forwards |= line == b"+list"
                continue
            if line[:1] not in b"|./":
                forwards.append(line.removeprefix(b"&"))
                continue
            if only_forwards:
                raise DeliveryError("4.7.0 the .qmail file may only forward, and has another instruction")
            if line[:1] != b"|":
                self._into_maildir(line) if line.endswith(b"/") else self._into_mbox(line)
            elif self._ends([b"/bin/sh", b"-c", line[1:]]):
                break
        if forwards and self._ends([PROGRAMS.encode() + b"/forward", *forwards]):
            raise DeliveryError("4.3.0 forward ended with 99")

    def _ends(self, words: list[bytes]) -> bool:
        """Run a program with the mail on its standard input, and return whether it ends the delivery."""
        os.lseek(self._letter.file, 0, os.SEEK_SET)
        os.ftruncate(self._report, 0)
        os.lseek(self._report, 0, os.SEEK_SET)
        streams = [(os.POSIX_SPAWN_DUP2, self._letter.file, 0)]
        streams += [(os.POSIX_SPAWN_DUP2, self._report, number) for number in (1, 2)]
        pid = os.posix_spawn(words[0], words, self._environment, file_actions=streams, setsigdef=[SIGPIPE])
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code in (0, END):
            return code == END
        report = os.pread(self._report, LONGEST_REPORT, 0).decode("utf-8", "replace").strip()
        reason = report or f"a program of the .qmail file ended with {code}"
        if code in REFUSALS:
            raise DeliveryError(f"5.3.0 {reason}", REFUSED)
        raise DeliveryError(f"4.3.0 {reason}")

    def _into_maildir(self, path: bytes) -> None:
        """Deliver as maildir(5) says: a file of its own, complete and on the disk before it has its place."""
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        new = os.open("new", os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
        self._count += 1
        host = os.uname().nodename.replace("/", "\\057").replace(":", "\\072")
        now = time.time_ns() // 1000
        name = f"{now // 1_000_000}.M{now % 1_000_000}P{os.getpid()}Q{self._count}.{host}"
        unfinished = f"tmp/{name}"
        file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
        try:
            for start in ADDED[1:]:
                _write(file, self._letter.added.get(start, b""))
            for block in self._letter.blocks():
                _write(file, block)
            os.fsync(file)
            os.close(file)
            os.link(unfinished, name, src_dir_fd=folder, dst_dir_fd=new)
            os.fsync(new)
        finally:
            os.unlink(unfinished, dir_fd=folder)
        os.close(new)
        os.close(folder)

    def _into_mbox(self, path: bytes) -> None:
        """Deliver as mbox(5) says: behind what is there, or not at all."""
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o600)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise DeliveryError(f"4.2.0 {os.fsdecode(path)} is not a regular file")
        # As qmail-local and mail readers do. While one of these has the lock, local(8) tries the mail again later.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        size = os.fstat(file).st_size
        try:
            os.lseek(self._letter.file, 0, os.SEEK_SET)
            with os.fdopen(os.dup(self._letter.file), "rb") as lines, os.fdopen(os.dup(file), "wb") as out:
                out.writelines(self._letter.added.get(start, b"") for start in (ADDED[0], ADDED[1], ADDED[3]))
                last = b"\n"
                # A piece of a line, where it is long: what is quoted stands at the beginning of a line.
                while line := lines.readline(BLOCK):
                    if last.endswith(b"\n") and line.lstrip(b">").startswith(b"From "):
                        out.write(b">")
                    out.write(line)
                    last = line
                out.write(b"\n" if last.endswith(b"\n") else b"\n\n")
            os.fsync(file)
        except BaseException:
            os.ftruncate(file, size)
            raise
        os.close(file)


def _nameless() -> int:
    """Return a descriptor of a new file that is gone when nobody has it open."""
    try:
        return os.open("/var/tmp", os.O_RDWR | os.O_TMPFILE, 0o600)
    except OSError:  # some file systems know no such files
        name = f"/var/tmp/.dot-qmail-{os.getpid()}-{time.time_ns()}"
        file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.unlink(name)
        return file


def _block(source: int) -> bytes:
    """Return the next block: whole but for the last one, so the first one has the lines that local(8) added."""
    data = b""
    while len(data) < BLOCK and (part := os.read(source, BLOCK - len(data))):
        data += part
    return data


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _read(name: bytes) -> tuple[bytes, int] | None:
    """Return the text and the mode of a .qmail file; None where there is no regular file of the name.

    :raises DeliveryError: when others may write to it, or it is longer than any file of instructions.
    """
    try:
        file = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise
    mode = os.fstat(file).st_mode
    if not stat.S_ISREG(mode):
        return None
    if mode & WRITABLE:
        raise DeliveryError(f"4.7.0 {os.fsdecode(name)} is writable for others")
    with os.fdopen(file, "rb") as stream:
        text = stream.read(LONGEST_FILE + 1)
    if len(text) > LONGEST_FILE:
        raise DeliveryError(f"4.2.1 {os.fsdecode(name)} is longer than {LONGEST_FILE} bytes")
    return text, mode


def _safe(extension: bytes) -> bytes:
    """Return an extension as it stands in names of files: in small letters, a colon for each dot."""
    return extension.lower().replace(b".", b":")


def main() -> int:
    """Deliver, report, and return the exit code."""
    os.umask(0o077)
    try:
        account = Account(dict(os.environb))
        Delivery(account, Letter(0)).run()
    except DeliveryError as error:
        report, code = str(error), error.code
    except Exception as error:  # noqa: BLE001 - whatever it is, the mail stays in the queue
        report, code = f"4.3.0 {type(error).__name__}: {error}", LATER
    else:
        return 0
    clean = "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in report)
    os.write(1, clean.encode("utf-8", "replace"))
    return code


if __name__ == "__main__":
    sys.exit(main())
