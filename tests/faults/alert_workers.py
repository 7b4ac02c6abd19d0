"""Processes that look at alert rules and send, one step at a time, so that they can be killed in between."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

from tests.service.serving import WAIT
from tracing_core.alerts.courier import Courier
from tracing_core.alerts.evaluation import evaluate
from tracing_core.clock import ManualClock
from tracing_core.errors import Busy
from tracing_core.settings import read_settings
from tracing_core.storage.database import Database

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["pytest", "tests.faults.alert_workers"])


def _work(orders: Connection, chosen: dict[str, Any]) -> None:
    """Do what it is told, until it is killed."""
    settings = read_settings(**chosen)
    database = Database(str(settings.database_url))
    while True:
        do, at = orders.recv()
        try:
            if do == "look":
                orders.send(evaluate(database, at, timedelta(minutes=1)).events)
            else:
                orders.send(Courier(database, settings, ManualClock(at)).run_once())
        except Busy:
            orders.send("busy")


class Worker:
    """One such process.

    Args:
        settings: by environment name.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._orders, theirs = _FORKS.Pipe()
        self._process = _FORKS.Process(target=_work, args=(theirs, settings), daemon=True)
        self._process.start()
        theirs.close()

    def begin(self, do: str, at: datetime) -> None:
        """Tell it to look or to send, and do not wait."""
        self._orders.send((do, at))

    def said(self) -> Any:
        """What it says when it is done: events entered, attempts made, or that another process does it."""
        assert self._orders.poll(WAIT)
        return self._orders.recv()

    def look(self, at: datetime) -> Any:
        """Look at the rules, as if it was then."""
        self.begin("look", at)
        return self.said()

    def send(self, at: datetime) -> Any:
        """Send what waits, as if it was then."""
        self.begin("send", at)
        return self.said()

    def kill(self) -> None:
        """End it by SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.join(WAIT)
        self._orders.close()


@contextmanager
def workers(number: int, settings: dict[str, Any]) -> Iterator[list[Worker]]:
    """Some of them; gone after the block."""
    started = [Worker(settings) for _ in range(number)]
    try:
        yield started
    finally:
        for each in started:
            each.kill()
