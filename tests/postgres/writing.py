"""Put made-up traces into a database, by the way that real ones go."""

from __future__ import annotations

from itertools import count

from tests.factories import NOON
from tracing_core.cost import CostTracker
from tracing_core.ledger import Ledger
from tracing_core.model import Feedback, TraceData
from tracing_core.projection import Projector
from tracing_core.quality import QualityRules
from tracing_core.storage.database import Database
from tracing_core.storage.feedback_write import put_feedback
from tracing_core.storage.write import TraceTable

RULES = QualityRules()
_numbers = count(1)


def store(database: Database, *traces: TraceData) -> None:
    """Write `traces`, by the default rules and prices."""
    projector = Projector(rules=RULES, prices=CostTracker({}))
    TraceTable(database).write([projector.project(trace) for trace in traces], Ledger())


def rate(
    database: Database, trace: TraceData, rating: int, user_id: str = "user-1", comment: str | None = None
) -> Feedback:
    """Rate a stored trace."""
    number = next(_numbers)
    given = Feedback(
        feedback_id=f"fb_{number:06}", trace_id=trace.trace_id, user_id=user_id, rating=rating, comment=comment,
        created_at=NOON, updated_at=NOON,
    )  # fmt: skip
    return put_feedback(database, given, RULES)
