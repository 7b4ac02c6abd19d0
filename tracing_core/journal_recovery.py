"""What the journals of processes that are gone still hold, given to the writer at the start of the next one.

A run that was marked comes back whole; another one as an incomplete run, with the spans that ended, and without a duration those
that were open. It goes the way of any finished run: sampling, file, database, ledger.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from tracing_core.journal import Journal
from tracing_core.journal_files import append_line, claimed, remove_folder, written_lines
from tracing_core.journal_lines import settled_line
from tracing_core.journal_reader import rebuilt, unsettled
from tracing_core.runtime import Runtime
from tracing_core.settings import Settings
from tracing_core.sink import UNWRITTEN_AT_EXIT, Sink
from tracing_core.trace import Trace
from tracing_core.writer import TraceWriter

logger = logging.getLogger(__name__)

_UNREADABLE = "unreadable.jsonl"
_AT_ONCE = 100
"""Runs given to the writer before what becomes of them is waited for."""


def with_journal(runtime: Runtime, settings: Settings, writer: TraceWriter) -> Runtime:
    """`runtime` with a journal, unless the settings want none; what dead processes left is on its way to `writer` then."""
    if not (settings.journal and settings.tracing):
        return runtime
    directory = settings.data_dir / "journal"
    journal = Journal(directory, runtime.clock, runtime.ids, limit_bytes=settings.journal_bytes)
    writer.journal = journal
    Recovery(directory, writer, lambda: journal.closing).start()
    return replace(runtime, journal=journal)


class Recovery:
    """Gives what dead processes left to a sink, and deletes their journals when all of it is settled.

    Args:
        directory: `{data}/journal`.
        sink: the writer.
        stopped: whether to leave the rest to the next start.
    """

    def __init__(self, directory: Path, sink: Sink, stopped: Callable[[], bool] = lambda: False) -> None:
        self._directory = directory
        self._sink = sink
        self._stopped = stopped
        self._refused = False

    def start(self) -> None:
        """Recover in a thread of its own, so that the program need not wait for it."""
        try:
            threading.Thread(target=self.run, name="tracewhy-journal", daemon=True).start()
        except RuntimeError as error:  # the machine has no thread to spare now
            logger.error("journals of earlier processes are left to the next start: %s", error)

    def run(self) -> None:
        """Recover all journals whose processes are gone, oldest first."""
        for path in sorted(path for path in self._directory.glob("*") if path.is_dir()):
            try:
                with claimed(path) as gone:
                    if gone:
                        self._recover(path)
            except OSError as error:
                logger.error("the journal %s cannot be recovered now: %s", path.name, error)

    def _recover(self, path: Path) -> None:
        runs = unsettled(written_lines(path))
        found = len(runs)
        while runs and not self._stopped() and not self._refused:
            batch = {run: runs.pop(run) for run in list(islice(runs, _AT_ONCE))}
            handed_over = [
                (run, self._sink.submit(trace)) for run, lines in batch.items() if (trace := self._rebuilt(run, lines))
            ]
            for run, receipt in handed_over:
                self._note(path, run, receipt.result())
        if runs or self._refused:
            return
        remove_folder(path)
        if found:
            logger.info("%d runs came back from the journal of a process that ended before they were stored", found)

    def _rebuilt(self, run: int, lines: list[bytes]) -> Trace | None:
        try:
            trace = rebuilt(run, lines)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            logger.error("a run in a journal cannot be read (%s), its lines are kept in %s", error, _UNREADABLE)
            self._keep(lines)
            return None
        if trace is None:
            logger.warning("spans in a journal belong to a run whose start it does not have; kept in %s", _UNREADABLE)
            self._keep(lines)
        return trace

    def _keep(self, lines: list[bytes]) -> None:
        with (self._directory / _UNREADABLE).open("ab") as file:
            file.writelines(line + b"\n" for line in lines)

    def _note(self, path: Path, run: int, outcome: dict[str, Any]) -> None:
        """Note what became of a run, so that it does not come back twice when this process is killed in turn."""
        if outcome.get("database_error") in UNWRITTEN_AT_EXIT:
            self._refused = True
        else:
            append_line(path, settled_line(run))
