"""What the cases share: somebody who uses the server-manager through the web server. Standard library only."""

from __future__ import annotations

import http.client
import json
import os
import re
import ssl
import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.manager.web.page_forms import Form, Reader
from tests.units.kit import FaultError, require, run, services, wait_until

NAME = "mail.example.com"
BASE = "/server-manager"
#: Whose connections come from where: from an address, to one of the machine. Apache takes the same address at both ends
#: for one of this machine ("Require local"), so those from outside have two.
LOOPBACK, LOCAL, OUTSIDE = ("127.0.0.1", "127.0.0.1"), ("10.0.0.9", "10.0.0.1"), ("192.0.2.9", "192.0.2.1")
#: Not a word of a list.
PASSWORD = "correct-horse-7-battery"
_SECONDS = 90
_JOBS = Path("/var/lib/e-smith/manager/jobs")


class Reply(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str


class Visitor:
    """One who visits the server-manager by TLS, and keeps cookies.

    :param ends: where the connections come from, and the address of the machine that they go to.
    """

    def __init__(self, ends: tuple[str, str] = LOOPBACK) -> None:
        self.ends = ends
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> Reply:
        """Send a request, and return what comes back; redirections are not followed."""
        connection = self._connect()
        try:
            connection.request(method, path, body or None, self._headers(headers or {}))
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    cookie, _, content = value.partition(";")[0].partition("=")
                    self.cookies[cookie] = content.strip('"')
            return Reply(answer.status, found, answer.read().decode("utf-8", "replace"))
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        """Ask for a page below the base."""
        return self.ask("GET", BASE + path)

    def page(self, path: str) -> Reader:
        """Return a page that has to be there.

        :raises FaultError: when it is not.
        """
        return _read(self.get(path), f"GET {path}")

    def post(self, form: Form, **values: str) -> Reply:
        """Post a form with some values changed (``__`` in a name stands for a dot)."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://{NAME}"}
        return self.ask("POST", form.action, urlencode(form.with_values(**values)), sent)

    def log_in(self, account: str = "admin", password: str = PASSWORD) -> int:
        """Log in by the form, and return the status of the answer: 303 when it was right."""
        form = self.page("/login").form("/login")
        return self.post(form, account=account, password=password).status

    def logged_in(self) -> bool:
        """Return whether there is a session."""
        return self.get("/").status == 200

    def preview(self, form: Form, **values: str) -> Reader:
        """Post a form, and return the page of the preview."""
        return _read(self.post(form, **values), "the preview")

    def apply(self, preview: Reader, **values: str) -> str:
        """Apply what a preview shows, and return the job."""
        answer = self.post(preview.form("/apply"), **values)
        found = re.search(r"/job/([^/?#]+)", answer.headers.get("location", ""))
        if answer.status != 303 or not found:
            raise FaultError(f"Apply answers {answer.status}: {_words(answer.text)}")
        return found[1]

    def change(self, page: str, **values: str) -> str:
        """Change fields of a panel's page and apply that; return the job."""
        return self.apply(self.preview(self.page(page).form("/preview"), **values))

    def follow(self, job: str) -> str:
        """Follow a job to its end by its stream, and return its state, which its page shows, too."""
        connection = self._connect()
        try:
            connection.request("GET", f"{BASE}/job/{job}/stream", headers=self._headers({}))
            text = connection.getresponse().read().decode("utf-8", "replace")
        finally:
            connection.close()
        found = re.search(r'event: end\ndata: \{"state": "(\w+)"\}', text)
        if not found:
            raise FaultError(f"the stream of the job has no end: {text[-1000:]}")
        require(self.get(f"/job/{job}").status == 200, "the job has no page")
        return found[1]

    def _connect(self) -> http.client.HTTPSConnection:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        here, there = self.ends
        return http.client.HTTPSConnection(there, timeout=_SECONDS, context=context, source_address=(here, 0))

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Host": NAME, **({"Cookie": cookies} if cookies else {}), **more}


def _read(answer: Reply, what: str) -> Reader:
    if answer.status != 200:
        raise FaultError(f"{what} answers {answer.status}: {_words(answer.text)}")
    return Reader(answer.text)


def _words(text: str) -> str:
    return " ".join(re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL).split())[:1500]


#: Asks the helper as the user of the web process does; the question stands in the first word.
_ASK = """
import json, socket, sys
with socket.socket(socket.AF_UNIX) as sock:
    sock.connect("/run/e-smith/manager/socket")
    sock.sendall(sys.argv[1].encode() + b"\\n")
    print(sock.makefile().read())
"""


def ask_helper(verb: str, session: str = "", user: str = "esmith-manager", **values: Any) -> dict[str, Any]:
    """Ask the helper at its socket as a user; return the answer, nothing where there is none."""
    question = json.dumps({"verb": verb, "session": session, "address": "127.0.0.1", "arguments": values})
    text = run("setpriv", f"--reuid={user}", "--clear-groups", "python3", "-ISc", _ASK, question, code=None)
    last = (text.strip().splitlines() or [""])[-1]
    found: dict[str, Any] = json.loads(last) if last.startswith("{") else {}
    return found


def set_password(account: str, password: str) -> None:
    """Set the password of a unix account, as passwd(1) does."""
    run("chpasswd", stdin=f"{account}:{password}\n")


def job_end(job: str) -> dict[str, Any]:
    """Return the last line of the file of a job; it is the end when the job has ended."""
    lines = (_JOBS / f"{job}.jsonl").read_text().splitlines()
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def wait_for_end(job: str) -> dict[str, Any]:
    """Wait for a job to end, looking at its file alone, and return the last line."""
    wait_until(lambda: job_end(job)["kind"] == "end", f"job {job} does not end")
    return job_end(job)


def setting(*words: str) -> str:
    """Return a setting; "" when it is not set."""
    return run("db", words[0], "getprop", *words[1:], code=None).strip()


def processes() -> dict[str, int]:
    """Return the numbers of the processes of the services, 0 for one that is down. Jobs are others."""
    found = services()
    numbers = {name: re.search(r"pid (\d+)", found[name]["state"]) for name in ("smanager", "smanager-helper")}
    return {name: int(number[1]) if number else 0 for name, number in numbers.items()}


def end_by_kill(pid: int) -> None:
    """Kill a process, and wait until it is gone."""
    os.kill(pid, 9)
    deadline = time.monotonic() + _SECONDS
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
