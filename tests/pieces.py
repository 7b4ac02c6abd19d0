"""Traces as other programs send them: whole, in pieces, late, twice, with what goes wrong on the way."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson
from hypothesis import strategies as st

from tests.factories import NOON, make_decision
from tracing_core.given import GIVEN, REMOTE_PARENT
from tracing_core.ids import safe_project
from tracing_core.jsontext import dump, text_of
from tracing_core.model import SpanData, SpanEvent, SpanKind, SpanStatus, TraceData
from tracing_core.normal_form import kind_of

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
NS = int(NOON.timestamp()) * 10**9

_SAID: dict[str, Any] = {
    "session.id": st.sampled_from(["s1", "s2"]),
    "user.id": st.sampled_from(["u1", "u2"]),
    "tag.tags": st.lists(st.sampled_from(["a", "b", "c"]), max_size=2),
    "input.value": st.sampled_from(["what?", '{"question": "why?"}', ""]),
    "output.value": st.sampled_from(["because", ""]),
    "openinference.span.kind": st.sampled_from(["LLM", "CHAIN", "RETRIEVER", "AGENT", "odd"]),
    "gen_ai.request.model": st.sampled_from(["gpt-4o-mini", "unheard-of"]),
    "gen_ai.usage.input_tokens": st.integers(0, 5000),
    "gen_ai.usage.output_tokens": st.integers(0, 5000),
    "langfuse.trace.name": st.sampled_from(["n1", "n2"]),
    "x": st.none() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
}
_RESOURCES = st.sampled_from(
    [{}, {"service.name": "shop"}, {"service.name": "unknown_service"}, {"tracewhy.project": "p2"}]
)
_LATER = st.integers(-3_000_000, 3_000_000)


@st.composite
def otlp_traces(draw: st.DrawFn, most: int = 7) -> list[SpanData]:
    """Spans of one trace: trees, rings, several roots or none, skewed clocks, copies that differ, log records."""
    size = draw(st.integers(1, most))
    spans = [span for number in range(size) for span in draw(_copies(number, size))]
    return draw(st.permutations(spans))


@st.composite
def _copies(draw: st.DrawFn, number: int, size: int) -> list[SpanData]:
    parents = st.none() | st.integers(0, size - 1).map(lambda at: f"{at:016x}") | st.just("f" * 16)
    parent = draw(st.just(None) if number == 0 and draw(st.booleans()) else parents)
    copies = [draw(_span(number, parent)) for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3])))]
    return copies + [draw(_fragment(number)) for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2])))]


@st.composite
def _span(draw: st.DrawFn, number: int, parent: str | None) -> SpanData:
    names = draw(st.lists(st.sampled_from(sorted(_SAID)), max_size=4, unique=True))
    attributes = {name: draw(_SAID[name]) for name in names}
    start_ns = NS + draw(_LATER) * 1000 + draw(st.sampled_from([0, 1, 999]))
    duration = draw(st.none() | st.integers(0, 10**10))
    otel: dict[str, Any] = {"start_ns": start_ns} | ({} if duration is None else {"end_ns": start_ns + duration})
    if resource := draw(_RESOURCES):
        otel["resource"] = resource
    if flags := draw(st.sampled_from([0, 0, 0x100, REMOTE_PARENT, REMOTE_PARENT | 1])):
        otel["flags"] = flags
    status = draw(st.sampled_from(SpanStatus))
    return SpanData(
        span_id=f"{number:016x}",
        parent_id=parent,
        name=draw(st.sampled_from(["chat", "search", "x"])),
        kind=kind_of(attributes),
        started_at=NOON + timedelta(microseconds=(start_ns - NS) // 1000),
        duration_ns=duration,
        status=status,
        error="failed" if status is SpanStatus.ERROR else None,
        attributes=attributes,
        events=tuple(draw(st.lists(_events(), max_size=2))),
        decisions=(make_decision(what=draw(st.integers(0, 3))),) if draw(st.booleans()) else (),
        otel=otel,
    )


@st.composite
def _events(draw: st.DrawFn, log: bool = False) -> SpanEvent:
    said = {"body": draw(st.integers(0, 2))} | ({"log.record": True} if log else {})
    when = NOON + timedelta(microseconds=draw(_LATER))
    return SpanEvent(name=draw(st.sampled_from(["e", "gen_ai.choice"])), timestamp=when, attributes=said)


@st.composite
def _fragment(draw: st.DrawFn, number: int) -> SpanData:
    events = tuple(draw(st.lists(_events(log=True), min_size=1, max_size=3)))
    return SpanData(
        span_id=f"{number:016x}",
        parent_id=None,
        name="",
        kind=SpanKind.UNKNOWN,
        started_at=min(event.timestamp for event in events),
        duration_ns=None,
        events=events,
        otel={"fragment": True},
    )


def cut(spans: Sequence[SpanData], chance: random.Random) -> list[list[SpanData]]:
    """Pieces that have all of `spans` between them, some more than once, in any order."""
    shuffled = list(spans)
    chance.shuffle(shuffled)
    pieces: list[list[SpanData]] = []
    while shuffled:
        size = chance.randint(1, len(shuffled))
        piece, shuffled = shuffled[:size], shuffled[size:]
        pieces.append(piece + chance.choices(list(spans), k=chance.choice([0, 0, 2])))
    return [*pieces, chance.choice(pieces)]


def said_by_trace(trace: TraceData, original: TraceData) -> dict[str, Any]:
    """What `trace` says beside its spans of all that `original` says anything of, as JSON has it."""
    said = {name: getattr(trace, name) for name in GIVEN if getattr(original, name) not in (None, (), {})}
    said = {name: text_of(value) if isinstance(value, str) else value for name, value in said.items()}
    found: dict[str, Any] = orjson.loads(dump(said | {"project": safe_project(trace.project)}))
    return found
