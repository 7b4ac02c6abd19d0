"""What became of every trace received. It balances: received = stored + sampled out + dead-lettered + dropped.

A trace that arrives in pieces has a line a piece; what comes again is stored for the reason `again`. Traces without a reason
in the line `stored`, or with the reason `rebuilt` from their files, are those that are there, and their spans and those of
later pieces are the spans that are there.
A trace enters the ledger when its fate is known; until then it waits in the queue or in the spool, which are counted
where they are.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from tracing_core.jsontext import text_of

RATINGS = "ratings"
"""The source of what is no trace: ratings that waited for theirs in vain."""


class Outcome(StrEnum):
    """The fates of a trace, and `received`, which is their sum."""

    RECEIVED = "received"
    STORED = "stored"
    SAMPLED_OUT = "sampled_out"
    DEAD_LETTERED = "dead_lettered"
    DROPPED = "dropped"


class LedgerKey(NamedTuple):
    """One line of the ledger: on `day`, traces from `source` met `outcome` for `reason` (empty when there is none).

    A tuple, since several are looked up for every trace that arrives, and to hash a dataclass takes ten times as long.
    """

    day: date
    source: str
    outcome: Outcome
    reason: str = ""


class Ledger(Counter[LedgerKey]):
    """Counts by line: traces, or pieces of them, and in `spans` the spans that these had.

    Args:
        other: a ledger to begin with a copy of.
    """

    def __init__(self, other: Ledger | None = None) -> None:
        super().__init__()
        self.spans: Counter[LedgerKey] = Counter()
        if other is not None:
            self.update(other)
            self.spans.update(other.spans)

    def note(self, day: date, source: str, outcome: Outcome, reason: str = "", count: int = 1, spans: int = 0) -> None:
        """Enter the fate of `count` traces, and that they were received. A host may call its source anything."""
        if count == 0 == spans:
            return
        source, reason = text_of(source)[:200], text_of(reason)[:200]
        for key in (LedgerKey(day, source, Outcome.RECEIVED), LedgerKey(day, source, outcome, reason)):
            self[key] += count
            self.spans[key] += spans

    def take_away(self, other: Ledger) -> None:
        """Subtract what was written."""
        self.subtract(other)
        self.spans.subtract(other.spans)
