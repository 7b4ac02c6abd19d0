"""Which finished traces are kept, and with what probability (A7). A hook: any function of a projection will do."""

from __future__ import annotations

from collections.abc import Callable

from tracing_core.ids import otel_trace_id
from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.projection import Row
from tracing_core.settings import Settings

Sampler = Callable[[Row], float]
"""Gives the probability with which a trace like this row is kept; the trace id then decides, alike in every process."""


def keep_all(_trace: Row) -> float:
    """Keep every trace."""
    return 1.0


def keep_share(share: float) -> Sampler:
    """Keep every trace that failed, stopped early or is flagged, and this share of the others."""

    def probability(trace: Row) -> float:
        ordinary = trace["status"] == TraceStatus.COMPLETE and trace["quality_flag"] == QualityFlag.NORMAL
        return share if ordinary else 1.0

    return probability


def sampler_of(settings: Settings) -> Sampler:
    """The sampler of the mode in force."""
    return keep_all if settings.mode == "develop" else keep_share(settings.success_share)


def chosen(trace_id: str, probability: float) -> bool:
    """Whether a trace with this id is among the share `probability`."""
    return int(otel_trace_id(trace_id)[-14:], 16) < probability * 16**14
