"""What happens to a trace before it is stored: projected, sampled, its contents packed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from tracing_core.assembly import Assembly, assembly_of, each_once, merge
from tracing_core.contents import encode, pack, parts
from tracing_core.errors import InvalidInput
from tracing_core.files import TraceFiles
from tracing_core.given import OTLP, as_stored
from tracing_core.latency_watch import LatencyWatch
from tracing_core.model import Feedback, SpanData, TraceData, TraceStatus
from tracing_core.normal_form import SpanFacts
from tracing_core.projection import Projection, Projector, Row
from tracing_core.sampling import LEAST_PROBABILITY, Sampler, begun_with, chosen

logger = logging.getLogger(__name__)

T = TypeVar("T")

_FILE_KNOWS_MORE = "the file knows spans that the database does not; `python -m tracing_core rebuild` brings them back"
_ENDED = (TraceStatus.COMPLETE, TraceStatus.FAILED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A trace, or a piece of one, that is ready to be stored.

    Args:
        data: what it is.
        projection: its rows.
        contents: what its spans hold, packed, a portion a row.
        encoded: the same as JSON, by span; empty where its file says it in another way.
        pieces: how many deliveries it was put together from.
        received: spans in these, repetitions included.
        kept: False when sampling leaves it out as far as is known; what is stored of it already may say otherwise.
    """

    data: TraceData
    projection: Projection
    contents: tuple[bytes, ...]
    encoded: Sequence[bytes] = ()
    pieces: int = 1
    received: int
    kept: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Preparation:
    """Makes traces ready by the rules in force.

    Args:
        projector: makes rows.
        sampler: says with what probability a trace is kept.
        files: where the file of each trace goes; None for no files.
        project: of traces that name none.
        watch: knows which traces are slow; without it none is.
        judging: whether new traces are sampled and found slow here; otherwise they are taken at their word, as a rebuild does.
    """

    projector: Projector
    sampler: Sampler
    files: TraceFiles | None
    project: str = "default"
    watch: LatencyWatch | None = None
    judging: bool = True

    def prepare(self, data: TraceData | Assembly, *, pieces: int = 1, received: int | None = None) -> Prepared | None:
        """Make a trace ready that is new, as far as is known; None when it is sampled out and came as a whole.

        A piece without its root is kept for now, whatever share is: it is judged when the root is there.
        """
        prepared = self.ready(data, pieces=pieces, received=received)
        return prepared if prepared.kept or prepared.data.source == OTLP else None

    def ready(
        self,
        data: TraceData | Assembly,
        *,
        pieces: int = 1,
        received: int | None = None,
        was_slow: bool | None = None,
        rating: int | None = None,
    ) -> Prepared:
        """Make a trace ready that may be sampled out; `was_slow` and `rating` as in `sampled`."""
        kept, data, projection = self._judged(data, rating, was_slow, judging=self.judging)
        received = len(data.spans) if received is None else received
        if not kept:
            return Prepared(data=data, projection=projection, contents=(), pieces=pieces, received=received, kept=False)
        spans = as_stored(data)
        encoded = encode(spans)
        portions = parts(encoded)
        for number, some in enumerate(portions):
            for row in projection.spans[number * len(portions[0]) : number * len(portions[0]) + len(some)]:
                row["part"] = number
        return Prepared(
            data=data,
            projection=projection,
            contents=tuple(pack(some) for some in portions),
            encoded=encoded if spans is data.spans else (),
            pieces=pieces,
            received=received,
        )

    def sampled(
        self, data: TraceData | Assembly, rating: int | None, was_slow: bool | None = None, kept_with: float = 1.0
    ) -> tuple[TraceData, Projection] | None:
        """The trace and its rows with the probability that it had of being kept; None when it is not.

        Args:
            data: the trace.
            rating: the lowest that a person gave it.
            was_slow: what was found when it first came; None when it comes for the first time.
            kept_with: the probability with which it was kept before. Where that was one of a share, the others cannot be rated
                any more: that it is rated makes it stand for no fewer.
        """
        kept, data, projection = self._judged(data, rating, was_slow, kept_with)
        return (data, projection) if kept else None

    def _judged(
        self,
        data: TraceData | Assembly,
        rating: int | None,
        was_slow: bool | None,
        before: float = 1.0,
        *,
        judging: bool = True,
    ) -> tuple[bool, TraceData, Projection]:
        facts = None
        if isinstance(data, Assembly):
            facts, data = data.facts, data.trace
        else:
            data = each_once(data)
        projection = self.projector.project(data, rating, facts)
        row = projection.trace
        row["trace_file_path"] = self.path(data)
        if not judging:
            row["is_slow"] = data.is_slow
            return True, data, projection
        row["is_slow"] = self._is_slow(row) if was_slow is None else was_slow
        begun = begun_with(data)
        kept_with = self.sampler(row if rating is None or before < begun else row | {"rating": rating})
        probability = max(kept_with * begun, LEAST_PROBABILITY)
        row["sampling_probability"] = probability
        if (data.sampling_probability, data.is_slow) != (probability, row["is_slow"]):
            data = replace(data, sampling_probability=probability, is_slow=row["is_slow"])
        return chosen(data.trace_id, kept_with), data, projection

    def _is_slow(self, row: Row) -> bool:
        """Judge a trace that has ended by its root; how long a piece took says nothing."""
        if self.watch is None or row["duration_ms"] is None or row["status"] not in _ENDED:
            return False
        return self.watch.is_slow(row["project"], row["name"], row["duration_ms"])

    def assemble(
        self, trace_id: str, spans: Sequence[SpanData], known: Mapping[str, SpanFacts] | None = None
    ) -> Assembly:
        """The trace that these spans make; `known` as `assembly_of` has it."""
        return assembly_of(trace_id, spans, self.project, known or {})

    def path(self, data: TraceData) -> str | None:
        """Where the file of a trace goes; None where it has none."""
        try:
            return str(self.files.path(data.project, data.trace_id)) if self.files is not None else None
        except InvalidInput:
            return None

    def add_to_file(self, data: TraceData) -> str | None:
        """Write the file of a trace while the database is away, which alone knows all its pieces: beside what the file holds."""
        try:
            before = self.files.read(data.project, data.trace_id) if self.files is not None else None
        except OSError as error:
            return _not_written(data.trace_id, error)
        return self.write_file(data if before is None else merge(before, data, self.project))

    def write_new_file(self, prepared: Prepared) -> str | None:
        """Write the file of a trace that is new to the database."""
        data, encoded = prepared.data, prepared.encoded
        return (
            self.write_over_file(data, encoded) if data.source == OTLP else self.write_file(data, encoded, alone=True)
        )

    def write_over_file(self, data: TraceData, encoded: Sequence[bytes] = ()) -> str | None:
        """Write the file of a trace of which the database does not say that it has one. When the database was lost, a file
        may be there that knows more: what it says is kept, and the row goes on saying that it has none until a rebuild.
        """
        try:
            before = self.files.read(data.project, data.trace_id) if self.files is not None else None
        except OSError as error:
            return _not_written(data.trace_id, error)
        if before is None:
            return self.write_file(data, encoded, alone=True)
        whole = merge(before, data, self.project)
        probability = min(before.sampling_probability, data.sampling_probability)
        whole = replace(whole, sampling_probability=probability, is_slow=before.is_slow or data.is_slow)
        problem = self.write_file(whole)
        if problem is None and len(whole.spans) > len(data.spans):
            logger.warning("of trace %s %s", data.trace_id, _FILE_KNOWS_MORE)
            return _FILE_KNOWS_MORE
        return problem

    def write_file(self, data: TraceData, encoded: Sequence[bytes] = (), *, alone: bool = False) -> str | None:
        """Write the file of a trace, `alone` where nothing can lie beside it; what went wrong, if anything did."""
        return self._written(data.trace_id, lambda files: files.write(data, encoded, alone=alone))

    def write_beside_file(self, data: TraceData, spans: Sequence[SpanData]) -> str | None:
        """Write the spans that came to a large trace beside its file; what went wrong, if anything did."""
        piece = assembly_of(data.trace_id, spans, data.project).trace
        return self._written(data.trace_id, lambda files: files.write_beside(data.project, piece))

    def write_ratings(self, project: str, ratings: Sequence[Feedback]) -> str | None:
        """Write the file of all ratings of a trace; what went wrong, if anything did."""
        trace_id = ratings[0].trace_id
        return self._written(trace_id, lambda files: files.write_feedback(project, trace_id, ratings))

    def _written(self, trace_id: str, write: Callable[[TraceFiles], object]) -> str | None:
        if self.files is None:
            return None
        try:
            write(self.files)
        except (OSError, InvalidInput) as error:
            return _not_written(trace_id, error)
        return None

    def each(self, write: Callable[[T], str | None], items: Sequence[T]) -> list[str | None]:
        """What one of the writing methods says for each of `items`; several at once where files are far away."""
        return [None] * len(items) if self.files is None else list(self.files.each(write, items))


def _not_written(trace_id: str, error: Exception) -> str:
    logger.error("the file of trace %s could not be written: %s", trace_id, error)
    return str(error)
