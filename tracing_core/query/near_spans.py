"""Spans of given traces, looked for in the days about each trace alone.

Spans are stored by day. Asked for by the ids of many traces of a month, PostgreSQL looks for each in every day, or reads all
days from end to end; told when each trace began, it looks into three.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from tracing_core.storage.payloads import NEARBY
from tracing_core.storage.schema import Moment
from tracing_core.storage.tables import trace_spans


def spans_of(
    ids: Sequence[str],
    moments: Sequence[datetime],
    columns: Sequence[ColumnElement[Any]],
    *where: ColumnElement[bool],
) -> Select[Any]:
    """The spans of traces, those of one trace together.

    Args:
        ids: of the traces.
        moments: when each of them began.
        columns: of `trace_spans`; those of the answer have their names.
        where: further conditions on `trace_spans`.
    """
    wanted = func.unnest(literal(list(ids), ARRAY(Text)), literal(list(moments), ARRAY(Moment)))
    traced = wanted.table_valued("trace_id", "moment").render_derived("traced")
    s = trace_spans.c
    near = s.started_at.between(traced.c.moment - NEARBY, traced.c.moment + NEARBY)
    some = select(*columns).where(s.trace_id == traced.c.trace_id, near, *where)
    each = some.offset(0).lateral("each")  # an offset keeps PostgreSQL from joining it in another way
    return select(*each.c).join_from(traced, each, true())
