"""The made-up history keeps the vectors of its documents in two copies, and chooses one for each search by meaning.

One of its rules is wrong, and the README leads to it: while the copy in memory is made anew for a library, its questions
go to the copy on disk, which is as good, and slow. The time is spent inside of the span that records the choice.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from assistant.demo.clock import JumpingClock
from assistant.embedding import Vectors
from assistant.loading import Searched
from assistant.search.index import Hit, SearchIndex
from tracing_core.context import span
from tracing_core.model import SpanKind

MEMORY, DISK = "memory", "disk"
DECISION = "index_copy"
SLOW_LIBRARY = "pandas"
"""Whose copy in memory is made anew."""

_FIRST_HOUR = 9
_SECONDS = {MEMORY: 0.012, DISK: 8.0}
"""What a search in a copy takes, the median; from the disk all documents of a library are read for each."""
_WHY = {
    MEMORY: "it answers at once",
    DISK: f"the documents of {SLOW_LIBRARY} are newer there; those in memory are being made anew",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Remaking:
    """When the copy in memory is made anew: from `start` on, and until `end`."""

    start: datetime
    end: datetime

    def at(self, moment: datetime) -> bool:
        """Whether that is so at `moment`."""
        return self.start <= moment < self.end


def yesterday(now: datetime) -> Remaking:
    """From nine o'clock in the morning until midnight of the day before `now`, UTC."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Remaking(start=midnight - timedelta(days=1) + timedelta(hours=_FIRST_HOUR), end=midnight)


def in_copies(clock: JumpingClock, source: random.Random, remaking: Remaking) -> Searched:
    """What makes an index one that is kept in two copies.

    Args:
        clock: jumps by what a search takes.
        source: draws how long that is.
        remaking: when the copy in memory of `SLOW_LIBRARY` is made anew.
    """

    def copied(index: SearchIndex) -> SearchIndex:
        return _CopiedIndex(
            documents=index.documents,
            vectors=index.vectors,
            bm25=index.bm25,
            clock=clock,
            source=source,
            remaking=remaking,
        )

    return copied


@dataclass(frozen=True, kw_only=True)
class _CopiedIndex(SearchIndex):
    clock: JumpingClock = field(repr=False)
    source: random.Random = field(repr=False)
    remaking: Remaking

    def semantic(self, vector: Vectors, libraries: Iterable[str], limit: int) -> list[Hit]:
        """See `SearchIndex`; a span of its own, in which the copy is chosen."""
        wanted = tuple(libraries)
        with span("vector_search", SpanKind.TOOL, limit=limit) as recorded:
            remade = SLOW_LIBRARY in wanted and self.remaking.at(self.clock.now())
            copy, other = (DISK, MEMORY) if remade else (MEMORY, DISK)
            sure = round(self.source.uniform(0.7, 0.95), 2)
            recorded.decide(
                DECISION,
                what=copy,
                why=_WHY[copy],
                confidence=sure,
                alternatives_considered=[f"{other} ({1 - sure:.2f})"],
                inputs={"libraries": list(wanted) or "all", "made_anew": remade},
            )
            self.clock.jump(_SECONDS[copy] * self.source.lognormvariate(0, 0.25))
            hits = super().semantic(vector, wanted, limit)
            recorded.set(n_results=len(hits))
        return hits
