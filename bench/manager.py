"""The server-manager: pages and previews asked through HTTP, with all that its two processes take for them."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from bench import roots
from bench.measuring import CommandError
from bench.rows import Figures
from bench.workshop import Measured, Workshop

#: How many users the second root has, and how many stand in a list.
USERS, LISTED = 2_000, 5_000
#: The pages that are asked.
FORM = "/server-manager/panel/configuration/email?section=filtering"
LIST = "/server-manager/panel/collaboration/users"
#: The field that a preview changes, and what its values are.
FIELD, VALUES = "Sensitivity", ("=high", "=low")
_PASSWORD = "only for measuring"
#: The clock of a process counts in steps: so many answers are counted at once.
_ANSWERS = 20
_IDLE_SECONDS = 3.0
_LONGEST_SECONDS = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")
_ADDRESS = re.compile(r"http://[^/\s]+")


def measure(shop: Workshop) -> Measured:
    """Measure a form, a preview, a list, the memory of both processes, and what they take while nobody asks."""
    office = shop.root("panel-office", _fill_office)
    with serving(office) as panel:
        yield "panel-form", panel.figures(lambda: panel.get(FORM))
        yield "panel-preview", panel.figures(panel.preview)
        yield "panel-idle", {"cpu": panel.idle(), "peak": panel.megabytes()}
    many = shop.root("panel-users", lambda root: _fill_users(root, USERS))
    with serving(many) as panel:
        yield "panel-preview-users", panel.figures(panel.preview, answers=4)
    large = shop.root("panel-list", lambda root: roots.batch(root, "accounts", roots.users(range(LISTED))))
    with serving(large) as panel:
        yield "panel-list", panel.figures(lambda: panel.get(LIST), answers=10)


def _fill_office(root: Path) -> None:
    """Make the users and domains of the demo."""
    roots.batch(root, "domains", ["set test.com domain"])
    roots.add_users(root, 3)
    roots.batch(root, "accounts", ["set office group Members user0,user1,user2", "set sales pseudonym Account user2"])
    roots.settle(root)


def _fill_users(root: Path, count: int) -> None:
    roots.add_users(root, count)
    roots.settle(root)


@contextmanager
def serving(root: Path) -> Iterator[Panel]:
    """Return a context with a server-manager of a root that somebody is logged in to."""
    roots.do(root, "esmith", "manager", "password", stdin=f"{_PASSWORD}\n")
    argv = roots.words_of(root, "esmith", "manager", "serve", "--port", "0")
    environment = {**os.environ, **roots.variables_of(root)}
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = _ADDRESS.search(process.stdout.readline())
            if address is None:
                raise CommandError(f"{' '.join(argv)} does not say where it answers")
            panel = Panel(address[0], process.pid)
            panel.log_in()
            yield panel
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_LONGEST_SECONDS)


class Panel:
    """A server-manager that answers.

    :param address: where, as ``http://127.0.0.1:8982``.
    :param process: the process that started the others.
    """

    def __init__(self, address: str, process: int) -> None:
        self._host = urlsplit(address).netloc
        self._origin = address
        self._process = process
        self._cookies: dict[str, str] = {}
        self._form: Form | None = None
        self._turn = 0

    def get(self, path: str) -> str:
        """Return a page.

        :raises CommandError: when it is none.
        """
        return self._ask("GET", path, None)

    def _ask(self, method: str, path: str, values: list[tuple[str, str]] | None) -> str:
        connection = http.client.HTTPConnection(self._host, timeout=_LONGEST_SECONDS)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        headers |= {"Origin": self._origin, "Sec-Fetch-Site": "same-origin"} if values is not None else {}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, None if values is None else urlencode(values), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        for header in answer.headers.get_all("set-cookie", []):
            name, _, value = header.partition(";")[0].partition("=")
            self._cookies[name] = value
        if answer.status not in (200, 303):
            raise CommandError(f"{path} is answered with {answer.status}:\n{text[:2000]}")
        return text

    def log_in(self) -> None:
        """Log in as the administrator."""
        form = Form(self.get("/server-manager/login"), "/login")
        self._ask("POST", form.action, form.with_values(account="admin", password=_PASSWORD))

    def preview(self) -> None:
        """Ask what it would change to set a field of the form to another value; nothing is stored.

        :raises CommandError: when the page does not show a changed file.
        """
        if self._form is None:
            self._form = Form(self.get(FORM), "/preview")
        self._turn += 1
        values = self._form.with_values(**{f"v.{FIELD}": VALUES[self._turn % len(VALUES)]})
        if "local.cf" not in self._ask("POST", self._form.action, values):
            raise CommandError("the preview shows no changed file")

    def figures(self, task: Callable[[], object], answers: int = _ANSWERS) -> Figures:
        """Return what answers take of both processes' time.

        :param answers: how many are asked; two before that do not count.
        """
        for _ in range(2):
            task()
        before = self.seconds()
        for _ in range(answers):
            task()
        return {"cpu": (self.seconds() - before) / answers}

    def idle(self) -> float:
        """Return what both processes take of the time while nobody asks, in seconds."""
        time.sleep(1)
        before = self.seconds()
        time.sleep(_IDLE_SECONDS)
        return self.seconds() - before

    def seconds(self) -> float:
        """Return the processor time that all its processes have taken, those that ended as well."""
        return sum(sum(map(int, _stat(pid)[11:15])) for pid in self._processes()) / _TICKS

    def megabytes(self) -> float:
        """Return the memory of its processes, in MB: of what several share each counts its part (PSS)."""
        kibibytes = 0
        for pid in self._processes():
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            kibibytes += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        return kibibytes * 1024 / 1_000_000

    def _processes(self) -> list[int]:
        """Return the process and all that it has started."""
        parents = {
            int(path.name): int(_stat(int(path.name))[1])
            for path in Path("/proc").glob("[0-9]*")
            if _stat(int(path.name))
        }
        found = [self._process]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found


def _stat(pid: int) -> list[str]:
    """Return the fields of a process from its state on (proc(5)); none when it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


class Form(HTMLParser):
    """A form of a page, with what a browser would send of it.

    :param page: the page.
    :param part: what its address has in it.
    """

    def __init__(self, page: str, part: str) -> None:
        super().__init__()
        self.action = ""
        self._part = part
        self._values: list[tuple[str, str]] = []
        self._is_inside = False
        self._select = ""
        self._area = ""
        self.feed(page)
        if not self.action:
            raise CommandError(f"the page has no form for {part}:\n{page[:2000]}")

    def with_values(self, **values: str) -> list[tuple[str, str]]:
        """Return what is sent, with other values of some fields."""
        kept = [(name, value) for name, value in self._values if name not in values]
        return [*kept, *values.items()]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a field."""
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            # A page may have several of them; the first one counts.
            self._is_inside = not self.action and self._part in found.get("action", "")
            self.action = found["action"] if self._is_inside else self.action
        elif not self._is_inside:
            return
        elif tag == "input" and found.get("name"):
            if found.get("type") not in ("radio", "checkbox") or "checked" in found:
                self._values.append((found["name"], found.get("value", "")))
        elif tag == "select":
            self._select = found.get("name", "")
        elif tag == "option" and "selected" in found:
            self._values.append((self._select, found.get("value", "")))
        elif tag == "textarea":
            self._area = found.get("name", "")
            self._values.append((self._area, ""))

    def handle_data(self, data: str) -> None:
        """Take the text of a text area."""
        if self._area:
            self._values[-1] = (self._area, self._values[-1][1] + data)

    def handle_endtag(self, tag: str) -> None:
        """End a form or a text area."""
        self._is_inside = self._is_inside and tag != "form"
        self._area = "" if tag == "textarea" else self._area
