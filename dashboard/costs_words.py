"""What the page of costs says in words, wherever it says it."""

from __future__ import annotations

from dashboard import words
from tracing_core.query.trace_sample import Drawn


def plain(text: str) -> str:
    """Text with dollar signs, for places where two of them would make a formula of what is between them."""
    return text.replace("$", r"\$")


def without_price(number: int, of: int | None = None) -> str:
    """`1 request has no known price, and is not in this`; with how many there are, `1 of 5 requests has ...`."""
    some = words.count(number) if of is None else f"{words.count(number)} of {words.count(of)}"
    noun = "request" if (of or number) == 1 else "requests"
    return f"{some} {noun} {'has' if number == 1 else 'have'} no known price, and {'is' if number == 1 else 'are'} not in this"


def sampled(found: Drawn) -> str:
    """From how many traces something is estimated."""
    seen, of = words.count(found.looked_at), words.count(found.stands_for)
    return f"All {seen} traces." if found.whole else f"Estimated from {seen} of about {of} traces, drawn at random."
