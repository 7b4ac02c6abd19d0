"""Ingest spread over processes, so that reading and preparing spans is not held to one core by Python's interpreter lock.

The process that receives requests keeps none of their work: it sends each body, as it came, to the process that has the
least to do, and answers when that one says that the spans are safe.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue

from tracing_core.clock import Clock, SystemClock
from tracing_core.diagnostics import Diagnostics
from tracing_core.errors import DatabaseUnavailable, Overloaded
from tracing_core.fork_server import Forked, ForkServer
from tracing_core.ingest import Accepted, Read
from tracing_core.ingest_jobs import NOBODY, Answer, Job
from tracing_core.settings import Settings
from tracing_core.tally import Tally

logger = logging.getLogger(__name__)

_SECONDS_TO_CLOSE = 15.0
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds until a process that ended is started again; the longer, the more often it ends soon."""
_SOON = 10.0
_ENDED = "a process that stores spans ended while it had this request; try again"


class IngestPool:
    """Takes requests as `Ingest` does, and has processes store them.

    Args:
        server: starts the processes, which run `ingest_worker.work`.
        settings: as the processes get them; `ingest_processes` says how many.
        clock: for what the diagnostics say of times.
    """

    def __init__(self, server: ForkServer, settings: Settings, clock: Clock | None = None) -> None:
        self.most_bytes = settings.ingest_bytes
        self.diagnostics = Diagnostics(clock or SystemClock())
        self.tally = Tally()
        self._lock = threading.Lock()
        self._closed = False
        self.members = [_Member(server, number, settings, self.tally) for number in range(settings.ingest_processes)]

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the requests that are not answered yet."""
        return sum(member.bytes for member in self.members)

    @property
    def waiting_requests(self) -> int:
        """Requests that are not answered yet."""
        return sum(member.requests for member in self.members)

    def offer(self, read: Read, size: int, *, project: str | None = None) -> Future[Accepted]:
        """Take a request over, as `Ingest.offer` does; `read` and what it is given must be picklable.

        Raises:
            Overloaded: too much waits already, or no process runs at the moment; nothing was taken.
        """
        with self._lock:
            waiting = self.waiting_bytes
            ready = [member for member in self.members if member.ready]
            if self._closed or not ready or (waiting and waiting + size > self.most_bytes):
                raise Overloaded
            return min(ready, key=lambda member: member.bytes).send(read, size, project)

    def close(self) -> None:
        """Answer what waits, and stop the processes."""
        with self._lock:
            self._closed = True
        for member in self.members:
            member.end()
        for member in self.members:
            member.join()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sent:
    size: int
    future: Future[Accepted] = field(default_factory=Future)


class _Member:
    """One of the processes, started again when it ends.

    Args:
        server: starts it.
        number: which.
        settings: what it works by.
        tally: where its counts go.
    """

    def __init__(self, server: ForkServer, number: int, settings: Settings, tally: Tally) -> None:
        self._server = server
        self._name = f"tracewhy-ingest-{number}"
        self._settings = settings
        self._tally = tally
        self._lock = threading.Lock()
        self._jobs = 0
        self._sent: dict[int, _Sent] = {}
        self.bytes = 0
        """Of the jobs that it has."""
        self._outbox: SimpleQueue[Job | None] | None = None
        self._closing = threading.Event()
        self._process = self._start()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """Whether there is a process that takes jobs."""
        return self._outbox is not None

    @property
    def requests(self) -> int:
        """Jobs that it has."""
        return len(self._sent)

    def send(self, read: Read, size: int, project: str | None) -> Future[Accepted]:
        """Give it a job."""
        with self._lock:
            if self._outbox is None:
                raise Overloaded
            self._jobs += 1
            sent = self._sent[self._jobs] = _Sent(size=size)
            self.bytes += size
            self._outbox.put(Job(number=self._jobs, read=read, size=size, project=project))
            return sent.future

    def end(self) -> None:
        """Let it answer what it has, and end."""
        self._closing.set()
        with self._lock:
            if self._outbox is not None:
                self._outbox.put(None)

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def join(self) -> None:
        """Wait until it has ended; it is killed when that takes too long."""
        self._thread.join(_SECONDS_TO_CLOSE)
        if self._thread.is_alive():
            self._process.kill()
            self._thread.join(_SECONDS_TO_CLOSE)

    def _start(self) -> _Running:
        running = _Running(self._server.start(), self._settings, self._name)
        with self._lock:
            self._outbox = running.outbox
        return running

    def _run(self) -> None:
        clock, pause = SystemClock(), _SHORTEST_PAUSE
        while True:
            started = clock.monotonic_ns()
            self._process.listen(self._settle)
            self._forget()
            if self._closing.is_set():
                return
            pause = _SHORTEST_PAUSE if clock.monotonic_ns() - started > _SOON * 1e9 else min(pause * 2, _LONGEST_PAUSE)
            logger.error("a process that stores spans ended; another starts in %.1f s", pause)
            if self._closing.wait(pause):
                return
            self._process = self._start()

    def _settle(self, answer: Answer) -> None:
        for note in answer.notes:
            self._tally.add(note)
        if answer.number == NOBODY:
            return
        with self._lock:
            sent = self._sent.pop(answer.number)
            self.bytes -= sent.size
        with suppress(InvalidStateError):  # whoever asked has gone
            if isinstance(answer.outcome, Exception):
                sent.future.set_exception(answer.outcome)
            else:
                sent.future.set_result(answer.outcome)

    def _forget(self) -> None:
        """The process has ended: its jobs are answered so that they come again."""
        with self._lock:
            self._outbox = None
            lost, self._sent, self.bytes = list(self._sent.values()), {}, 0
        for sent in lost:
            with suppress(InvalidStateError):
                sent.future.set_exception(DatabaseUnavailable(_ENDED))


class _Running:
    """A process and the pipe to it. It ends by itself when this end of the pipe is gone, however this process ends."""

    def __init__(self, process: Forked, settings: Settings, name: str) -> None:
        self.pid = process.pid
        self._pipe = process.pipe
        self.outbox: SimpleQueue[Job | None] = SimpleQueue()
        self._poster = threading.Thread(target=self._post, args=(settings,), name=f"{name}-post", daemon=True)
        self._poster.start()

    def kill(self) -> None:
        """End it, whatever it does."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def listen(self, settle: Callable[[Answer], None]) -> None:
        """Hand on its answers until it ends."""
        with suppress(EOFError, OSError):
            while True:
                settle(self._pipe.receive())
        self.outbox.put(None)
        self._poster.join()
        self._pipe.close()

    def _post(self, settings: Settings) -> None:
        pipe = self._pipe
        with suppress(OSError):  # it has ended, which the listener finds out too
            pipe.send(settings)
            while (job := self.outbox.get()) is not None:
                pipe.send(job)
            pipe.send(None)
