"""The traces that sampling left out a short while ago: what comes late of them has no root to be judged by, and goes as well."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from tracing_core.storage.side_tables import sampled_out


def left_out_before(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Those of `ids` that were left out."""
    wanted = list(ids)
    if not wanted:
        return set()
    return set(connection.execute(select(sampled_out.c.trace_id).where(sampled_out.c.trace_id.in_(wanted))).scalars())


def note_left_out(connection: Connection, ids: Iterable[str]) -> None:
    """Remember that these traces are left out; in the order of ids, so that no two writers wait in a ring."""
    rows = [{"trace_id": trace_id} for trace_id in sorted(ids)]
    if rows:
        connection.execute(insert(sampled_out).values(rows).on_conflict_do_nothing())


def forget_left_out(connection: Connection, before: datetime) -> None:
    """Forget those that were judged before."""
    connection.execute(delete(sampled_out).where(sampled_out.c.judged_at < before))
