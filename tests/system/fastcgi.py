"""A client of PHP's FPM, as small as can be (FastCGI 1.0): ``python3 -m tests.system.fastcgi SCRIPT`` at a machine."""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path

_BEGIN, _PARAMS, _STDIN, _STDOUT = 1, 4, 5, 6


def run_script(sock: socket.socket, script: str) -> str:
    """Have a script run, and return what it printed.

    :param sock: connected to FPM.
    :param script: its path.
    """
    params = {"SCRIPT_FILENAME": script, "REQUEST_METHOD": "GET"}
    pairs = b"".join(bytes([len(name), len(value)]) + f"{name}{value}".encode() for name, value in params.items())
    sock.sendall(_record(_BEGIN, struct.pack("!HB5x", 1, 0)))
    sock.sendall(_record(_PARAMS, pairs) + _record(_PARAMS, b"") + _record(_STDIN, b""))
    printed = b""
    with sock.makefile("rb") as stream:
        while header := stream.read(8):
            kind, length, padding = struct.unpack("!xBxxHBx", header)
            content = stream.read(length + padding)[:length]
            printed += content if kind == _STDOUT else b""
    return printed.partition(b"\r\n\r\n")[2].decode()


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content


def main() -> None:
    """Have FPM run a script, and print what it printed."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(max(Path("/run/php").glob("php*.*-fpm.sock"))))
        print(run_script(sock, sys.argv[1]))


if __name__ == "__main__":
    main()
