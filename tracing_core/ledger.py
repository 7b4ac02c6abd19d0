"""What became of every trace received. It balances: received = stored + sampled out + dead-lettered + dropped.

A trace enters the ledger when its fate is known; until then it waits in the queue or in the spool, which are counted
where they are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from tracing_core.jsontext import text_of


class Outcome(StrEnum):
    """The fates of a trace, and `received`, which is their sum."""

    RECEIVED = "received"
    STORED = "stored"
    SAMPLED_OUT = "sampled_out"
    DEAD_LETTERED = "dead_lettered"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, order=True)
class LedgerKey:
    """One line of the ledger: on `day`, traces from `source` met `outcome` for `reason` (empty when there is none)."""

    day: date
    source: str
    outcome: Outcome
    reason: str = ""


class Ledger(Counter[LedgerKey]):
    """Counts by line."""

    def note(self, day: date, source: str, outcome: Outcome, reason: str = "", count: int = 1) -> None:
        """Enter the fate of `count` traces, and that they were received. A host may call its source anything."""
        source, reason = text_of(source)[:200], text_of(reason)[:200]
        self[LedgerKey(day, source, Outcome.RECEIVED)] += count
        self[LedgerKey(day, source, outcome, reason)] += count
