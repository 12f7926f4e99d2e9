"""The process ``esmith fleet agent``: its threads, and its end."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
import traceback

from esmith.contexts import suppress
from esmith.fleet.agent.answering import Answering
from esmith.fleet.agent.children import Children
from esmith.fleet.agent.claiming import Claim
from esmith.fleet.agent.connecting import Connector
from esmith.fleet.agent.counting import Counting
from esmith.fleet.agent.following import Follower
from esmith.fleet.agent.job import ANSWER_SECONDS
from esmith.fleet.agent.listening import Place
from esmith.fleet.agent.local import Local
from esmith.fleet.agent.outbox import Outbox
from esmith.fleet.agent.places import outbox_of
from esmith.fleet.agent.reporting import Pace, Reporter
from esmith.fleet.agent.sending import Sender
from esmith.fleet.agent.signalling import Signaller
from esmith.fleet.agent.state import State
from esmith.signals import readable_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.layout import Layout

#: Seconds of a call of etcd: less than a command waits for its answer.
_CALL_SECONDS = 1.5
#: Threads get so many seconds to end; what one is doing then is as if the agent were killed, which loses nothing.
_END_SECONDS = 0.7
#: So long a thread computes before another one that is ready gets its turn. Python's own 5 ms are half of what a change
#: may take from one host to another.
_TURN_SECONDS = 0.0005


class Agent:
    """The agent of a root, in this process.

    :param layout: the root.
    :param pace: how often what is done.
    """

    def __init__(self, layout: Layout, pace: Pace | None = None) -> None:
        pace = pace or Pace()
        self._layout = layout
        self._place = Place(layout)
        # No Event: a signal just before the main thread waits for one, or to another thread, does not end that wait.
        ends, self._end_now = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._ending = select.poll()
        self._ending.register(ends, select.POLLIN)
        self._has_failed = False
        self._pace = pace
        self.state = State()

    def end(self) -> None:
        """Have :meth:`run` return."""
        with suppress(BlockingIOError):
            os.write(self._end_now, b"\0")

    def end_at(self, *numbers: signal.Signals) -> None:
        """Have :meth:`run` return when one of these signals comes to this process, whose main thread calls this."""
        self._ending.register(readable_signals(*numbers), select.POLLIN)

    def run(self, ready: Callable[[], None] = lambda: None) -> int:
        """Run until :meth:`end`, or a signal of :meth:`end_at`.

        :param ready: called when the socket answers.
        :return: 0, or 1 when a thread failed by a fault of the program.
        :raises BusyError: when another agent runs for this root.
        :raises StoreError: when its directory is not there for it alone.
        """
        with self._place as place:
            self._make(place)
            threads = [
                threading.Thread(target=self._guarded, args=(run,), name=name, daemon=True)
                for name, run in (
                    ("answering", self._answering.run),
                    ("sending", self._sender.run),
                    ("following", self._follower.run),
                    ("signalling", self._signaller.run),
                    ("reporting", self._reporter.run),
                    ("counting", lambda: self._counting.run(self.state)),
                )
            ]
            for thread in threads:
                thread.start()
            ready()
            self._ending.poll()
            self._end(threads)
        return int(self._has_failed)

    def _make(self, place: Place) -> None:
        layout, state, pace = self._layout, self.state, self._pace
        self._local = local = Local(layout)
        outbox = Outbox(outbox_of(layout))
        outbox.remove_left()
        self._connect = connect = Connector(layout, local, _CALL_SECONDS)
        claim = Claim(layout, connect, pace.heartbeat)
        self._children = Children(layout)
        self._sender = Sender(connect, state, outbox, require_alone=claim.require)
        self._signaller = Signaller(layout, local, state, claim=claim, children=self._children)
        self._follower = Follower(
            local,
            state,
            outbox,
            connect=connect,
            require_alone=claim.require,
            heartbeat=pace.heartbeat,
            has_signals=self._signaller.look,
        )
        self._counting = Counting(layout, self._children, pace.counts)
        self._reporter = Reporter(
            local,
            state,
            outbox,
            claim=claim,
            counting=self._counting,
            kick=self._follower.kick,
            pace=pace,
        )
        self._answering = Answering(
            place.socket,
            state,
            submit=self._sender.submit,
            status=self._reporter.status,
            look=self._look,
            seconds=ANSWER_SECONDS,
        )

    def _look(self) -> None:
        """Look at everything at once, for a command that has changed something."""
        # There may be new certificates, or another key.
        self._connect.forget()
        self._follower.kick()
        self._reporter.look()

    def _guarded(self, run: Callable[[], None]) -> None:
        """Run a thread; a fault of the program in it ends the process, so that it is not half alive."""
        is_done = False
        try:
            run()
            is_done = True
        finally:
            if not is_done:
                traceback.print_exc()
                self._has_failed = True
                self.end()

    def _end(self, threads: list[threading.Thread]) -> None:
        self.state.end()
        self._sender.end()
        self._follower.kick()
        self._signaller.look()
        self._reporter.look()
        self._counting.look()
        self._children.end()
        self._answering.end()
        deadline = time.monotonic() + _END_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if not any(thread.is_alive() for thread in threads):
            self._local.close()


def run_agent(layout: Layout, *, pace: Pace | None = None) -> int:
    """Run the agent of a root until TERM or INT comes; it ends within a second.

    :param layout: the root.
    :param pace: how often what is done; None for the usual.
    :return: the exit code.
    :raises BusyError: when another agent runs for this root.
    :raises StoreError: when its directory is not there for it alone.
    """
    agent = Agent(layout, pace)
    sys.setswitchinterval(_TURN_SECONDS)
    agent.end_at(signal.SIGTERM, signal.SIGINT)
    return agent.run()
