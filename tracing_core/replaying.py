"""Traces, and lines of spooled batches, that could not be stored: read, tried again, given up.

The ledger follows in the transaction that stores them: what was dead-lettered is stored, or dropped by hand, instead.
A process that is killed between the commit and the removal of the file leaves a letter that is tried again, and stored `again`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson

from tracing_core.delivery import BatchStore, Settle, outcome_of, settle_now
from tracing_core.document_reader import from_document
from tracing_core.errors import DataRejected, InvalidInput
from tracing_core.ledger import Ledger, Outcome
from tracing_core.model import TraceData
from tracing_core.preparing import Preparation
from tracing_core.sink import Receipt
from tracing_core.spool import NOBODY, UNFORESEEN, Spool, claimed

BY_HAND = "by hand"
"""What the ledger says of what an operator gave up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """One file of `{data}/spool/dead`.

    Args:
        path: of it; its name without the ending is the id of the letter.
        buried_at: when.
        reason: why it could not be stored.
        day, source, noted_reason, spans: its line in the ledger.
        document: of its trace; None where it was a line that could not be read.
        line: that line.
    """

    path: Path
    buried_at: datetime
    reason: str
    day: date
    source: str
    noted_reason: str
    spans: int
    document: Mapping[str, Any] | None
    line: str | None

    @property
    def trace_id(self) -> str | None:
        """Of its trace, when it says one."""
        found = self.document.get("trace_id") if self.document is not None else None
        return found if isinstance(found, str) else None

    def trace(self) -> TraceData:
        """The trace.

        Raises:
            InvalidInput: it still cannot be read.
        """
        if self.document is not None:
            return from_document(self.document)
        try:
            return from_document(orjson.loads(self.line or ""))
        except orjson.JSONDecodeError as error:
            raise InvalidInput("line", f"is no JSON ({error})") from error

    def taken_back(self) -> Ledger:
        """What takes its line out of the ledger, and its arrival."""
        lines = Ledger()
        lines.note(self.day, self.source, Outcome.DEAD_LETTERED, self.noted_reason, -1, -self.spans)
        return lines


def read_letter(path: Path) -> Letter:
    """The letter in a file, also in one that an older version wrote.

    Raises:
        OSError: there is no such file, or the disk does not give it.
        InvalidInput: it is no letter.
    """
    buried_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        given = orjson.loads(path.read_bytes())
        noted, document = given.get("noted") or {}, given.get("trace")
        run = document.get("run") or {} if document is not None else {}
        reason = str(given["reason"])
        return Letter(
            path=path,
            buried_at=buried_at,
            reason=reason,
            day=date.fromisoformat(noted["day"]) if "day" in noted else buried_at.date(),
            source=noted.get("source") or run.get("source") or "native",
            noted_reason=noted.get("reason") or reason,
            spans=int(noted["spans"]) if "spans" in noted else len((document or {}).get("spans") or ()),
            document=document,
            line=given.get("line"),
        )
    except (orjson.JSONDecodeError, *UNFORESEEN) as error:
        raise InvalidInput("letter", f"{path.name} is no dead letter ({type(error).__name__}: {error})") from error


class Letters:
    """What can be done with letters, and with batches that nobody wants any more.

    Args:
        spool: where they are.
        store: the database.
        preparation: makes their rows, and takes them at their word: they were sampled when they came.
        stored: is told of each trace that the database did not have before.
        settle: as of a trace that is delivered: what became of it, and what is told of it.
    """

    def __init__(
        self,
        spool: Spool,
        store: BatchStore,
        preparation: Preparation,
        *,
        stored: Callable[[TraceData], None] = lambda _data: None,
        settle: Settle = settle_now,
    ) -> None:
        self._tell = stored
        self._settle = settle
        self._spool = spool
        self._store = store
        self._preparation = preparation

    def replay(self, path: Path) -> str | None:
        """Try to store a letter again; what stands in the way, or None when it is stored.

        Raises:
            StorageError: the database did not take it now; try again when it is back.
        """
        return self._claimed(path, self._stored)

    def drop(self, path: Path) -> str | None:
        """Give a letter up for good; what stands in the way, or None when it is gone.

        Raises:
            StorageError: the ledger could not be written; the letter is still there.
        """
        return self._claimed(path, self._dropped)

    def drop_batch(self, path: Path) -> str | None:
        """Give a batch up that waits; what stands in the way, or None when it is gone.

        Raises:
            StorageError: the ledger could not be written; the batch is still there.
        """
        return self._claimed(path, self._batch_dropped)

    def _claimed(self, path: Path, action: Callable[[Path], None]) -> str | None:
        with claimed(path) as mine:
            if not mine:
                return "another process has just taken it"
            try:
                action(path)
            except (InvalidInput, DataRejected, OSError) as error:
                return str(error)
            except UNFORESEEN as error:
                return repr(error)
            self._spool.remove(path)
            return None

    def _stored(self, path: Path) -> None:
        letter = read_letter(path)
        prepared = self._preparation.ready(letter.trace())
        fate = self._store.write([prepared], letter.taken_back())[prepared.data.trace_id]
        self._settle(prepared, Receipt(prepared.data.trace_id), outcome_of(fate))
        if fate.outcome in ("new", "piece"):
            self._tell(prepared.data)

    def _dropped(self, path: Path) -> None:
        letter = read_letter(path)
        lines = letter.taken_back()
        lines.note(letter.day, letter.source, Outcome.DROPPED, BY_HAND, 1, letter.spans)
        self._store.write([], lines)

    def _batch_dropped(self, path: Path) -> None:
        lines = Ledger()
        for found in self._spool.read(path):
            if found.trace is None:
                lines.note(datetime.fromtimestamp(path.stat().st_mtime, UTC).date(), NOBODY, Outcome.DROPPED, BY_HAND)
            else:
                data = found.trace
                lines.note(data.started_at.date(), data.source, Outcome.DROPPED, BY_HAND, 1, len(data.spans))
        self._store.write([], lines)
