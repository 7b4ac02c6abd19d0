"""What the calls in a span cost, line by line: tokens of a class, times their price, and which price book says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import streamlit as st

from dashboard import words
from tracing_core.cost_audit import AuditedCall, CostAudit
from tracing_core.query.cost_audit import StoredCost

_MOST_NAMED = 20
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
        span_id: the span; where it is a call itself, its model need not be said on each line.
    """
    rows = _rows(found)
    if [call.span_id for call in found.calls] == [span_id]:
        st.caption(words.label(found.calls[0].model))
    if rows:
        numbers = dict.fromkeys(("Tokens", "$ / million", "Amount"), st.column_config.TextColumn(alignment="right"))
        table = _table(rows, models=[call.span_id for call in found.calls] != [span_id])
        st.dataframe(table, hide_index=True, height="content", column_config=numbers, alt="Cost of the span")
    st.markdown(_sum(found))
    for call in found.unpriced[:_MOST_NAMED]:
        st.caption(_missing(call))
    if len(found.unpriced) > _MOST_NAMED:
        st.caption(f"and {words.count(len(found.unpriced) - _MOST_NAMED)} calls more")
    if found.given_usd is not None:
        st.caption(f"The sender says {_dollars(found.given_usd)}: where it says something, that counts.")
    st.caption(_source(stored, found))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    """The lines of all calls of one model that have a class and a price in common."""

    model: str
    token_class: str
    per_million: Decimal
    version: str
    tokens: int
    amount: Decimal


def _rows(found: CostAudit) -> list[_Row]:
    sums: dict[tuple[str, str, Decimal, str], tuple[int, Decimal]] = {}
    for line in found.lines:
        key = (line.model, line.token_class, line.per_million, line.price_version)
        tokens, amount = sums.get(key, (0, Decimal(0)))
        sums[key] = (tokens + line.tokens, amount + line.amount)
    return [
        _Row(model=key[0], token_class=key[1], per_million=key[2], version=key[3], tokens=tokens, amount=amount)
        for key, (tokens, amount) in sums.items()
    ]


def _table(rows: Sequence[_Row], *, models: bool) -> dict[str, list[str]]:
    """Narrow, since it stands beside the tree: what is the same in all rows is said beneath them."""
    versions = [row.version for row in rows]
    return {
        **({"Model": [row.model for row in rows]} if models else {}),
        "Class": [_CLASSES.get(row.token_class, row.token_class) for row in rows],
        "Tokens": [words.count(row.tokens) for row in rows],
        "$ / million": [_plain(row.per_million) for row in rows],
        "Amount": ["$" + _plain(row.amount) for row in rows],
        **({"Price of": versions} if len(set(versions)) > 1 else {}),
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
    versions = " and ".join(sorted({line.price_version for line in found.lines})) or f"version {found.price_version}"
    if stored.agrees:
        return f"Prices of {versions}. The lines of the trace add up to what is stored of it."
    before = "nothing" if stored.computed_usd is None else _dollars(stored.computed_usd)
    of = "an earlier version" if stored.price_version is None else f"version {stored.price_version}"
    return (
        f"Prices of {versions}. Of the whole trace {before} is stored, by prices of {of}: "
        "`python -m tracing_core reprice` brings the two together."
    )


def _dollars(amount: Decimal | None) -> str:
    return words.ABSENT if amount is None else r"\$" + _plain(amount)


def _plain(amount: Decimal) -> str:
    """All its digits, but for zeros at the end."""
    return f"{amount:f}".rstrip("0").rstrip(".") if "." in f"{amount:f}" else f"{amount:f}"
