"""What advice on cost looks at in a trace: the calls of models with their prompts, the documents that were sent, what it cost."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from tracing_core.cost import CostTracker
from tracing_core.cost_audit import AuditedCall, audit
from tracing_core.model import SpanData, SpanKind, TokenUsage
from tracing_core.model_use import NOT_NAMED
from tracing_core.rates import TokenClass
from tracing_core.retrieved import kept_by
from tracing_core.rollups import operation_name
from tracing_core.span_view import outputs_of, prompts_of
from tracing_core.usage import GENERATION_KINDS, usage_of

_MARK = re.compile(r"\[(\d{1,2})\]")
_GLIMPSE = 60
"""Characters by which a document is found in a prompt."""
_IN = frozenset({TokenClass.INPUT, TokenClass.EMBEDDING, TokenClass.CACHE_READ, TokenClass.CACHE_WRITE})


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of a model that counts.

    Args:
        operation: the name of its span, without numbers.
        cost_usd: what counts, the sender's figure before the computed one; None when neither is known.
        input_usd: the part of it that was paid for input; None when there is no price for it.
        prompt: all that went in, as text; empty when it was not recorded.
        answer: what came out.
    """

    span_id: str
    parent_id: str | None
    operation: str
    model: str
    provider: str | None
    embeds: bool
    usage: TokenUsage
    cost_usd: float | None
    input_usd: float | None
    started_at: datetime
    duration_ms: float | None
    prompt: str
    answer: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """A document that was sent to a model, in the order of the prompt. `share` is its part of the prompt's characters."""

    share: float
    cited: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A trace.

    Args:
        weight: for how many it stands.
        sent: the documents in the prompt of `reader`; empty when none were, or it is not known which were cited.
        reader: the call that they were sent to.
    """

    trace_id: str
    started_at: datetime
    question: str
    weight: float
    calls: tuple[Call, ...]
    sent: tuple[Sent, ...]
    reader: Call | None


def run_of(row: Mapping[str, Any], spans: Sequence[SpanData], prices: CostTracker) -> Run:
    """Read a trace.

    Args:
        row: its `trace_id`, `started_at`, `query`, `answer`, and the `weight` by which it stands for others.
        spans: with all that they hold.
        prices: those in force.
    """
    by_id = {span.span_id: span for span in spans}
    calls = tuple(_call(each, by_id[each.span_id]) for each in audit(spans, prices).calls)
    reader = next((call for call in reversed(calls) if call.prompt and not call.embeds), None)
    sent = () if reader is None else _sent(reader, _evidence(spans), row["answer"] or "")
    return Run(
        trace_id=row["trace_id"],
        started_at=row["started_at"],
        question=" ".join((row["query"] or "").split())[:200],
        weight=float(row["weight"]),
        calls=calls,
        sent=sent,
        reader=reader if sent else None,
    )


def _call(each: AuditedCall, span: SpanData) -> Call:
    known, generates = each.cost_usd, span.kind in GENERATION_KINDS
    prompts, outputs = (prompts_of(span), outputs_of(span)) if generates else ({}, {})
    return Call(
        span_id=span.span_id,
        parent_id=span.parent_id,
        operation=operation_name(span.name),
        model="" if each.model == NOT_NAMED else each.model,
        provider=each.provider,
        embeds=span.kind is SpanKind.EMBEDDING,
        usage=usage_of(span),
        cost_usd=None if known is None else float(known),
        input_usd=_input_usd(each),
        started_at=span.started_at,
        duration_ms=None if span.duration_ns is None else span.duration_ns / 1e6,
        prompt=_prompt(prompts),
        answer=str(outputs.get("answer") or ""),
    )


def _input_usd(each: AuditedCall) -> float | None:
    """By the price book, and made as much larger or smaller as the sender's own figure is."""
    if each.computed_usd is None or each.cost_usd is None:
        return None
    of_input = float(sum(line.amount for line in each.lines if line.token_class in _IN))
    return of_input * (float(each.cost_usd / each.computed_usd) if each.computed_usd else 1.0)


def _prompt(prompts: Mapping[str, str]) -> str:
    first = [prompts[name] for name in ("system_prompt",) if name in prompts]
    others = ["conversation"] if "conversation" in prompts else [n for n in prompts if n != "system_prompt"]
    return "\n".join([*first, *(str(prompts[name]) for name in others)])


def _evidence(spans: Sequence[SpanData]) -> list[Mapping[str, Any]]:
    """The documents that the last span kept which says so."""
    last = next((kept for span in reversed(spans) if (kept := kept_by(span))), ())
    return [each for each in last if isinstance(each, Mapping) and each.get("sent") is not False]


def _sent(reader: Call, documents: Sequence[Mapping[str, Any]], answer: str) -> tuple[Sent, ...]:
    places = [(_place(each, reader.prompt), each) for each in documents]
    found = sorted(((at, each) for at, each in places if at is not None), key=lambda pair: pair[0])
    if not found:
        return ()
    marks = {int(mark) for mark in _MARK.findall(answer)}
    if not marks and not any(isinstance(each.get("cited"), bool) for _, each in found):
        return ()  # this application does not say what an answer rests on
    starts = [at for at, _ in found]
    lengths = [later - earlier for earlier, later in pairwise(starts)]
    known = len(str(found[-1][1].get("text") or found[-1][1].get("title") or ""))
    lengths.append(min(known, len(reader.prompt) - starts[-1]))
    return tuple(
        Sent(share=length / len(reader.prompt), cited=_cited(each, number, marks))
        for number, (length, (_, each)) in enumerate(zip(lengths, found, strict=True), start=1)
    )


def _cited(document: Mapping[str, Any], number: int, marks: set[int]) -> bool:
    said = document.get("cited")
    return said if isinstance(said, bool) else number in marks


def _place(document: Mapping[str, Any], prompt: str) -> int | None:
    """Where a document begins in a prompt; None when it is not in it."""
    for text in (document.get("text"), document.get("title")):
        glimpse = str(text or "").strip()[:_GLIMPSE].rstrip("…. ")
        if len(glimpse) > 3 and (at := prompt.find(glimpse)) >= 0:
            return at
    return None
