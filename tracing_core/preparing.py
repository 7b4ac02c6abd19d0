"""What happens to a finished trace before it is stored: frozen, projected, sampled, written to its file."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tracing_core.errors import InvalidInput
from tracing_core.files import TraceFiles
from tracing_core.freeze import freeze
from tracing_core.ids import IdSource
from tracing_core.model import TraceData
from tracing_core.projection import Projection, Projector
from tracing_core.sampling import Sampler, chosen
from tracing_core.trace import Trace

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A trace that is ready to be stored, and what its receipt will say about its file."""

    data: TraceData
    projection: Projection
    file_outcome: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Preparation:
    """Makes traces ready by the rules in force."""

    projector: Projector
    sampler: Sampler
    files: TraceFiles
    ids: IdSource

    def prepare(self, trace: Trace) -> Prepared | None:
        """Make `trace` ready; None when it is sampled out."""
        data = self._apart(freeze(trace))
        projection = self.projector.project(data)
        probability = self.sampler(projection.trace)
        if not chosen(data.trace_id, probability):
            return None
        projection.trace["sampling_probability"] = probability
        return self._filed(replace(data, sampling_probability=probability), projection)

    def prepare_again(self, traces: Iterable[TraceData]) -> Iterator[Prepared]:
        """Make traces ready that were put aside; they were sampled then, and their files are written anew."""
        for data in traces:
            yield self._filed(data, self.projector.project(data))

    def _apart(self, data: TraceData) -> TraceData:
        """A caller may make several requests within its one trace; each is a run of its own here, from the second on
        under an id of its own, with the caller's trace as its parent.
        """
        if data.parent_span_id is None or not self.files.holds_another(data):
            return data
        own_id = self.ids.trace_id(data.started_at)
        return replace(data, trace_id=own_id, parent_trace_id=data.trace_id)

    def _filed(self, data: TraceData, projection: Projection) -> Prepared:
        outcome: dict[str, Any] = {"trace_id": data.trace_id, "file_path": None}
        try:
            outcome["file_path"] = str(self.files.write(data))
        except (OSError, InvalidInput) as error:
            logger.error("the file of trace %s could not be written: %s", data.trace_id, error)
            outcome["file_error"] = str(error)
        projection.trace["trace_file_path"] = outcome["file_path"]
        return Prepared(data=data, projection=projection, file_outcome=outcome)
