"""Signals as something to wait for."""

from __future__ import annotations

import os
import select
import signal
import threading

from esmith.signals import readable_signals


def test_a_signal_is_never_missed() -> None:
    """A signal that came before the wait, and to another thread, ends the wait."""
    before = signal.getsignal(signal.SIGUSR1), signal.set_wakeup_fd(-1)
    descriptor = readable_signals(signal.SIGUSR1)
    try:
        other = threading.Thread(target=lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1))
        other.start()
        other.join()
        assert select.select([descriptor], [], [], 0)[0] == [descriptor]
        assert os.read(descriptor, 9) == bytes([signal.SIGUSR1])
    finally:
        os.close(signal.set_wakeup_fd(before[1]))
        signal.signal(signal.SIGUSR1, before[0])
        os.close(descriptor)
