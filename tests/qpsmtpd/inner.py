"""A mail server behind ours, which knows some recipients."""

from __future__ import annotations

import socketserver
import threading


class InnerServer:
    """Answers RCPT as a test set it.

    :param answers: the answer for a recipient in small letters; all others get 550.
    :param greeting: what it greets with; None: it connects but never says a word.
    :param breaks: the command at which it hangs up.
    :param delay: seconds before each answer.
    """

    def __init__(
        self,
        answers: dict[str, str],
        *,
        greeting: str | None = "220 inner.example.com",
        breaks: str = "",
        delay: float = 0,
    ) -> None:
        self.heard: list[str] = []
        self._over = threading.Event()
        heard, over = self.heard, self._over

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                if greeting is None:
                    over.wait()
                    return
                self.say(greeting)
                for raw in self.rfile:
                    line = raw.decode().strip()
                    heard.append(line)
                    command = line[:4].upper()
                    if command == breaks:
                        return
                    if command == "RCPT":
                        recipient = line.partition("<")[2].partition(">")[0].lower()
                        self.say(answers.get(recipient, "550 5.1.1 nobody of that name"))
                    elif command == "MAIL" and "spammer" in line:
                        self.say("553 5.7.1 not from you")
                    else:
                        self.say("250 inner.example.com")

            def say(self, answer: str) -> None:
                over.wait(delay)
                self.wfile.write(f"{answer}\r\n".encode())

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering and accepting connections."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
