"""What did not arrive: said on the overview, as a chart that lacks traces does not show it."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from dashboard import data, words
from tracing_core.ledger import Outcome
from tracing_core.query.ledger import LedgerLine

_LOST = {Outcome.DROPPED: "lost", Outcome.DEAD_LETTERED: "refused by the database and kept aside"}


def notice(start: datetime | None) -> None:
    """Say how many traces are missing since the day of `start` (since ever without one), and why; nothing when none is."""
    since = (start or datetime.fromtimestamp(0, UTC)).date()
    waiting = data.waiting()
    sentences = [_lost(line) for line in data.ledger(since) if line.outcome in _LOST]
    if waiting:
        sentences.append(f"{_traces(waiting)} on disk until the database takes them.")
    if sentences:
        st.warning("\n\n".join(sentences), icon=":material/report:", title="Some traces are missing here")


def _lost(line: LedgerLine) -> str:
    verb = "was" if line.count == 1 else "were"
    reason = words.label(line.reason or "no reason is known", 200)
    return f"{words.count(line.count)} of source {words.label(line.source)} {verb} {_LOST[Outcome(line.outcome)]}: {reason}."


def _traces(count: int) -> str:
    return "One trace waits" if count == 1 else f"{words.count(count)} traces wait"
