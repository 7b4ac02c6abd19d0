"""An instrumented program is killed at random moments: what it had recorded is stored by the next start, once (E15)."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.surroundings import PATIENCE_SECONDS
from tracing_core.journal_recovery import Recovery
from tracing_core.settings import read_settings
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import ledger
from tracing_core.storage.tables import trace_spans, traces
from tracing_core.store import open_store

pytestmark = pytest.mark.faults

KILLS = 100
_PROGRAM = """
import os, sys, threading
import tracing_core as tracing

def said(*words):
    os.write(1, (" ".join(words) + "\\n").encode())

def work(worker, waits_each):
    for run in range(1, 1_000_000):
        trace = tracing.TraceContext.start(query="How?", session_id=worker)
        said("begun", trace.trace_id)
        for number in range(3):
            with trace.span("retrieval", "RETRIEVAL", n_results=number) as outer:
                with tracing.span("embedding", text="x" * 300) as inner:
                    pass
                said("ended", trace.trace_id, inner.span_id)
            said("ended", trace.trace_id, outer.span_id)
        trace.answer = "y" * 60
        trace.mark_complete()
        receipt = tracing.TraceContext.finish(trace)
        said("finished", trace.trace_id)
        if run % waits_each == 0:
            said(receipt.result(60)["database"], trace.trace_id)

def program():
    tracing.init(
        database_url=sys.argv[1], TRACEWHY_DATA_DIR=sys.argv[2], TRACEWHY_FLUSH_SECONDS="0.02", TRACEWHY_BATCH_SIZE="10"
    )
    for worker, waits_each in (("patient", 1), ("hasty", 7)):
        threading.Thread(target=work, args=(worker, waits_each), daemon=True).start()
    threading.Event().wait()

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        program()
    said("process", str(child))
    os.waitpid(child, 0)
    said("gone", str(child))
"""


class Program:
    """Starts an instrumented program as often as it is killed, from a process that has everything loaded."""

    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self._popen = popen
        self.begun: set[str] = set()
        self.ended: set[tuple[str, str]] = set()
        self.finished: set[str] = set()

    def run_and_kill(self, lines: int, word: str = "") -> None:
        """Start the program, and kill it when it has said `lines` lines (that begin with `word`); note all that it said."""
        assert self._popen.stdin is not None
        self._popen.stdin.write("go\n")
        self._popen.stdin.flush()
        process = 0
        while (words := self._line())[0] != "gone":
            if words[0] == "process":
                process = int(words[1])
            else:
                self._note(*words)
                lines -= words[0].startswith(word)
            if process and lines <= 0:
                os.kill(process, signal.SIGKILL)
                process, lines = 0, sys.maxsize

    def _line(self) -> list[str]:
        assert self._popen.stdout is not None
        line = self._popen.stdout.readline()
        assert line, "the program ended by itself"
        return line.split()

    def _note(self, word: str, trace_id: str, span_id: str = "") -> None:
        if word == "begun":
            self.begun.add(trace_id)
        elif word == "ended":
            self.ended.add((trace_id, span_id))
        else:
            self.finished.add(trace_id)


@contextmanager
def program(database_url: str, data_dir: Path, source: str = _PROGRAM) -> Iterator[Program]:
    """The process that starts programs, gone at the end."""
    command = [sys.executable, "-c", source, database_url, str(data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as popen:
        yield Program(popen)
        assert popen.stdin is not None
        popen.stdin.close()
        assert popen.wait(PATIENCE_SECONDS) == 0


def start_once_more(database_url: str, data_dir: Path) -> None:
    """What the next start does, waited for."""
    store = open_store(read_settings(database_url=database_url, TRACEWHY_DATA_DIR=data_dir))
    Recovery(data_dir / "journal", store.writer).run()
    store.writer.replay()
    assert store.writer.flush(PATIENCE_SECONDS)
    store.close()


def test_no_kill_costs_a_span_that_had_ended(database: Database, database_url: str, data_dir: Path) -> None:
    """Killed again and again, also while it recovers: each span that ended is stored once, in a run that is complete if it
    was finished and incomplete if not; nothing is left of the journals.
    """
    moments = random.Random(20261121)
    with program(database_url, data_dir) as running:
        for _ in range(KILLS // 2):
            running.run_and_kill(moments.randrange(1, 150))
            running.run_and_kill(moments.randrange(1, 12), "saved")
    start_once_more(database_url, data_dir)
    with database.read() as connection:
        rows = connection.execute(
            select(trace_spans.c.trace_id, trace_spans.c.span_id, trace_spans.c.duration_ms)
        ).all()
        status = {row.trace_id: row.status for row in connection.execute(select(traces.c.trace_id, traces.c.status))}
        counted = dict(
            connection.execute(select(ledger.c.outcome, func.sum(ledger.c.count)).group_by(ledger.c.outcome)).all()
        )
    assert len(running.ended) > KILLS * 20
    assert running.ended <= {(row.trace_id, row.span_id) for row in rows if row.duration_ms is not None}
    assert set(Counter((row.trace_id, row.span_id) for row in rows).values()) == {1}
    assert running.begun <= set(status)
    assert {trace_id for trace_id in running.finished if status[trace_id] != "complete"} == set()
    assert set(status.values()) == {"complete", "incomplete"}
    assert counted.pop("received") == sum(counted.values())
    assert list((data_dir / "journal").iterdir()) == []
    files = {path.stem: json.loads(path.read_bytes()) for path in data_dir.rglob("_traces/*.json")}
    assert {trace_id: document["run"]["status"] for trace_id, document in files.items()} == status
