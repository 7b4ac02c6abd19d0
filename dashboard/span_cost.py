"""What the calls in a span cost, line by line: tokens of a class, times their price, and which price book says so."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from dashboard import words
from tracing_core.cost_audit import AuditedCall, AuditLine, CostAudit
from tracing_core.query.cost_audit import StoredCost

_MOST_LINES = 200
_CLASSES = {
    "input": "Input",
    "embedding": "Embedded",
    "cache_read": "Read from cache",
    "cache_write": "Written to cache",
    "input_audio": "Sound in",
    "output": "Output",
    "reasoning": "Reasoning",
    "output_audio": "Sound out",
    "request": "Request",
}


def bill(stored: StoredCost, found: CostAudit, span_id: str) -> None:
    """Draw the lines, what they add up to, and what is missing.

    Args:
        stored: of the whole trace.
        found: the calls in this span, or below it.
        span_id: the span; where it is a call itself, its name need not be said on each line.
    """
    own = [call.span_id for call in found.calls] == [span_id]
    lines = found.lines
    if lines:
        st.dataframe(
            _table(found, lines[:_MOST_LINES], own=own), hide_index=True, height="content", alt="Cost of the span"
        )
    if len(lines) > _MOST_LINES:
        st.caption(f"and {words.count(len(lines) - _MOST_LINES)} lines more, which are in the sum")
    st.markdown(_sum(found))
    for call in found.unpriced[:_MOST_LINES]:
        st.caption(_missing(call))
    if found.given_usd is not None:
        st.caption(f"The sender says {_dollars(found.given_usd)}: where it says something, that counts.")
    st.caption(_source(stored, found))


def _table(found: CostAudit, lines: tuple[AuditLine, ...], *, own: bool) -> dict[str, list[str]]:
    names = {call.span_id: call.name for call in found.calls}
    which = {} if own else {"Call": [words.label(names[line.span_id]) for line in lines]}
    return {
        **which,
        "Model": [line.model for line in lines],
        "Class": [_CLASSES.get(line.token_class, line.token_class) for line in lines],
        "Tokens": [words.count(line.tokens) for line in lines],
        "$ per million": [_plain(line.per_million) for line in lines],
        "Amount": ["$" + _plain(line.amount) for line in lines],
        "Price of": [line.price_version for line in lines],
    }


def _sum(found: CostAudit) -> str:
    known = _dollars(found.known_usd)
    if not found.unpriced:
        return f"**{known}**"
    calls = f"{words.count(len(found.unpriced))} of {words.count(len(found.calls))} calls have no price"
    return f"**at least {known}**: {calls}" if found.known_usd is not None else f"cost {words.ABSENT}: {calls}"


def _missing(call: AuditedCall) -> str:
    tokens = ", ".join(f"{_CLASSES.get(name, name).lower()} {words.count(count)}" for name, count in call.counts)
    return f"No price for {words.label(call.model)}: {tokens or 'no tokens were told'}"


def _source(stored: StoredCost, found: CostAudit) -> str:
    if stored.agrees:
        return f"Prices of version {found.price_version}. The lines of the trace add up to what is stored of it."
    before = "nothing" if stored.computed_usd is None else _dollars(stored.computed_usd)
    of = "an earlier version" if stored.price_version is None else f"version {stored.price_version}"
    return (
        f"Prices of version {found.price_version}. Of the whole trace {before} is stored, by prices of {of}: "
        "`python -m tracing_core reprice` brings the two together."
    )


def _dollars(amount: Decimal | None) -> str:
    return words.ABSENT if amount is None else r"\$" + _plain(amount)


def _plain(amount: Decimal) -> str:
    """All its digits, but for zeros at the end."""
    return f"{amount:f}".rstrip("0").rstrip(".") if "." in f"{amount:f}" else f"{amount:f}"
