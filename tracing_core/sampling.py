"""Which finished traces are kept, and with what probability (A7).

Two decisions, each by the trace id alone, so that every process decides alike. At the *head*, before anything is recorded,
the sender's or our own: OpenTelemetry's rule, which keeps the ids whose last 56 bits are not below a threshold and says so
in the trace state. At the *tail*, once it is known how the trace went: a hash of the id, so that the two do not depend on
each other and their probabilities multiply.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

from tracing_core.ids import otel_trace_id
from tracing_core.model import QualityFlag, TraceData, TraceStatus
from tracing_core.projection import Row
from tracing_core.settings import Settings

Sampler = Callable[[Row], float]
"""Gives the probability with which a trace like this row is kept; the trace id then decides, alike in every process."""

LEAST_PROBABILITY = 1e-6
"""A trace stands for a million at most, whatever its sender says: one must not outweigh all the others."""

_ALL = 2**56
_DIGITS = 14
_THRESHOLD = re.compile(r"(?:^|,)\s*ot=(?:[^,]*;)?th:([0-9a-f]{1,14})\s*(?:[;,]|$)")


def keep_all(_trace: Row) -> float:
    """Keep every trace."""
    return 1.0


def keep_share(
    share: float, of_project: Mapping[str, float] | None = None, untraced: AbstractSet[str] = frozenset()
) -> Sampler:
    """Keep every trace that failed, stopped early, is flagged, rated or slow, and a share of the others.

    Args:
        share: 0 to 1.
        of_project: the share of projects that have one of their own.
        untraced: projects of which nothing is kept, however it went.
    """
    shares = of_project or {}

    def probability(trace: Row) -> float:
        if trace["project"] in untraced:
            return 0.0
        return shares.get(trace["project"], share) if is_ordinary(trace) else 1.0

    return probability


def is_ordinary(trace: Row) -> bool:
    """Whether nothing is remarkable about a trace, as far as its row says; nor did anybody rate it."""
    return (
        trace["status"] == TraceStatus.COMPLETE
        and trace["quality_flag"] == QualityFlag.NORMAL
        and not trace["is_slow"]
        and trace.get("rating") is None
    )


def sampler_of(settings: Settings) -> Sampler:
    """The sampler of the mode in force."""
    share = 1.0 if settings.mode == "develop" else settings.success_share
    if share >= 1 and not settings.project_shares and not settings.untraced_projects:
        return keep_all
    return keep_share(share, settings.project_shares, frozenset(settings.untraced_projects))


def chosen(trace_id: str, probability: float) -> bool:
    """Whether a trace with this id is among the share `probability` of those that are judged when they have ended."""
    if probability >= 1:
        return True
    digest = hashlib.blake2b(otel_trace_id(trace_id).encode(), digest_size=7).digest()
    return int.from_bytes(digest) < probability * _ALL


def begun(trace_id: str, share: float) -> bool:
    """Whether a trace with this id is among the share of those that are recorded at all."""
    return share >= 1 or int(otel_trace_id(trace_id)[-_DIGITS:], 16) >= round((1 - share) * _ALL)


def trace_state_of(share: float) -> str:
    """What a trace says of itself that was begun with a probability of `share`: OpenTelemetry's `ot=th:`."""
    digits = f"{min(round((1 - share) * _ALL), _ALL - 1):0{_DIGITS}x}".rstrip("0")
    return f"ot=th:{digits or '0'}"


def begun_with(trace: TraceData) -> float:
    """The probability with which the recording of a trace was begun, as its root says in `ot=th:`; 1 when it does not."""
    state = trace.spans[0].otel.get("trace_state") if trace.spans else None
    found = _THRESHOLD.search(state) if isinstance(state, str) else None
    return 1 - int(found[1].ljust(_DIGITS, "0"), 16) / _ALL if found else 1.0
