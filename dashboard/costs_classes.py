"""What was charged for on the costs page: tokens by class, with their price and where it is from."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from dashboard import costs_data, words
from dashboard.costs_words import plain, sampled
from dashboard.fitting_table import fitting_table
from tracing_core.query.filters import TraceFilter

_MOST = 100


def classes(chosen: TraceFilter) -> None:
    """A line for each class of tokens of each model, at each price that counted."""
    found = costs_data.classes(chosen)
    st.subheader("What was charged for", anchor=False)
    said = [sampled(found.sample)]
    if found.gone:
        said.append(f"Of {words.count(found.gone)} of them the contents are not stored any more.")
    if found.saved_usd is not None:
        verb = "saved" if found.saved_usd >= 0 else "cost more by"
        said.append(f"Caches {verb} {words.money(abs(found.saved_usd))}.")
    st.caption(plain(" ".join(said)))
    rows = [
        {
            "Model": line.model,
            "Class": line.token_class.replace("_", " "),
            "Tokens": words.count(line.tokens),
            "Price": words.ABSENT if line.per_million is None else _price(line.per_million),
            "Amount": words.money(line.amount),
            "Price of": line.price_version or "no price",
        }
        for line in found.lines[:_MOST]
    ]
    if rows:
        fitting_table(
            rows, "costs.classes", alt="Tokens by class with their price", numbers=("Tokens", "Price", "Amount")
        )
        st.caption("Prices are dollars per million tokens.")
    else:
        st.caption("No trace of this time says how many tokens it took.")


def _price(per_million: Decimal) -> str:
    return f"${per_million.normalize():f}"
